"""The truth on who is who, by the ids of customers and of rows that name their person."""

import duckdb
import pytest

from crm_pipeline.identity.truth import read_truth

MODELS = {
    "stg_customers": "source_customer_id",
    "stg_orders": "order_id",
    "stg_support_tickets": "ticket_id",
    "stg_campaign_contacts": "contact_id",
    "stg_survey_responses": "response_id",
    "stg_loyalty_events": "event_id",
    "stg_referrals": "referral_id",
}


def _truth(folder, rows, told):
    """Read the truth `told` about rows of (model, system, id, record)."""
    (folder / "truth").mkdir()
    lines = ["system,source_id,person", *(",".join(line) for line in told)]
    (folder / "truth" / "records.csv").write_text("\n".join(lines) + "\n")
    with duckdb.connect() as con:
        con.execute("create schema staging")
        for model, row in MODELS.items():
            record = "referred_record_id" if model == "stg_referrals" else "record_id"
            con.execute(f"create table staging.{model} (system varchar, {row} varchar, {record} varchar)")
        for model, *values in rows:
            con.execute(f"insert into staging.{model} values (?, ?, ?)", values)
        return {row["record_id"]: row["person"] for row in read_truth(con, folder).to_pylist()}


@pytest.mark.parametrize("model", MODELS)
def test_each_channel_can_name_a_record(tmp_path, model):
    assert _truth(tmp_path, [(model, "web", "7", "web|r")], [("web", "7", "P1"), ("web", "8", "P2")]) == {"web|r": "P1"}


def test_a_record_that_several_people_made_is_left_out(tmp_path):
    rows = [("stg_orders", "web", str(n), record) for n, record in enumerate(["family", "family", "ann", "ann"])]
    told = [("web", "0", "P1"), ("web", "1", "P2"), ("web", "2", "P1"), ("web", "3", "P1")]
    assert _truth(tmp_path, rows, told) == {"ann": "P1"}


def test_ids_are_those_of_their_system_and_are_text(tmp_path):
    rows = [("stg_customers", "web", "007", "web|7"), ("stg_customers", "till", "007", "till|7")]
    rows += [("stg_orders", "web", "9", None)]
    assert _truth(tmp_path, rows, [("web", "007", "1"), ("till", "7", "2"), ("web", "9", "3")]) == {"web|7": "1"}


def test_without_a_file_there_is_no_truth(tmp_path):
    with duckdb.connect() as con:
        assert read_truth(con, tmp_path) is None
