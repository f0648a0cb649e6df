"""The truth on who is who, where there is one: `truth/records.csv` in the dataset folder.

It names each record by `system` and `source_id`, the id of a customer or of a row that names its person by e-mail,
phone or card (an order of a guest, a ticket, …), and says which `person` it belongs to.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from crm_pipeline.storage import lake

TRUTH_FILE = Path("truth") / "records.csv"
# Staging model, the id of its rows, and the record that the row belongs to.
_ROWS = (
    ("stg_customers", "source_customer_id", "record_id"),
    ("stg_orders", "order_id", "record_id"),
    ("stg_support_tickets", "ticket_id", "record_id"),
    ("stg_campaign_contacts", "contact_id", "record_id"),
    ("stg_survey_responses", "response_id", "record_id"),
    ("stg_loyalty_events", "event_id", "record_id"),
    ("stg_referrals", "referral_id", "referred_record_id"),
)


def read_truth(con: duckdb.DuckDBPyConnection, dataset_folder: Path) -> pa.Table | None:
    """Return `record_id` and `person` of the records whose person is known, or None where there is no truth.

    A guest's record that several people made, such as a family with one address, is left out.
    """
    path = dataset_folder / TRUTH_FILE
    if not path.is_file():
        return None
    named = " union all ".join(
        f"select system, {row} as source_id, {record} as record_id from staging.{model}" for model, row, record in _ROWS
    )
    return con.sql(
        f"""
        with named as ({named})
        select record_id, any_value(person) as person
        from named join read_csv($path, all_varchar = true, hive_partitioning = false) using (system, source_id)
        where record_id is not null
        group by record_id having count(distinct person) = 1
        order by record_id
        """,
        params={"path": lake.as_pattern(path)},
    ).to_arrow_table()
