"""The truth on who is who, where there is one: `truth/records.csv` in the dataset folder.

It names each record by `system` and `source_id`, the id of a customer or of a row that names its person by e-mail,
phone or card (an order of a guest, a ticket, …), and says which `person` it belongs to.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from crm_pipeline.config.contract import contracts
from crm_pipeline.storage import lake

TRUTH_FILE = Path("truth") / "records.csv"


def _rows() -> list[tuple[str, str, str]]:
    """Return the staging models whose rows name a person: the model, the id of a row, and the record it speaks of.

    Of rows that name nobody but by the id of a customer, the truth tells by that id.
    """
    found = [("stg_customers", "source_customer_id", "record_id")]
    for contract in contracts().values():
        person = next(iter(contract.flow.people), None)
        if person and person.identifiers and len(contract.primary_key) == 1:
            found.append((f"stg_{contract.name}", contract.primary_key[0], f"{person.prefix}record_id"))
    return found


def read_truth(con: duckdb.DuckDBPyConnection, dataset_folder: Path) -> pa.Table | None:
    """Return `record_id` and `person` of the records whose person is known, or None where there is no truth.

    A guest's record that several people made, such as a family with one address, is left out.
    """
    path = dataset_folder / TRUTH_FILE
    if not path.is_file():
        return None
    named = " union all ".join(
        f"select system, {row} as source_id, {record} as record_id from staging.{model}"
        for model, row, record in _rows()
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
