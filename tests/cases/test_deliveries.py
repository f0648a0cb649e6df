"""Cases on what deliveries say of earlier ones, and of the time of the run."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml

from crm_pipeline.raw import accounting


def rewrite(case, **keys):
    """Add keys to the first source of a case's pipeline.yml."""
    path = case.folder / "pipeline.yml"
    document = yaml.safe_load(path.read_text())
    document["sources"][0] |= keys
    path.write_text(yaml.safe_dump(document))


def test_a_ticket_that_zendesk_has_deleted_takes_back_the_ticket(case):
    shop = case("zendesk_deleted_ticket")
    shop.load()
    first, second = shop.ledger()
    # 603 is deleted in the file that has it, 600 in the one after.
    assert (first.rows_withdrawn, second.rows_withdrawn, second.rows_quarantined) == (2, 1, 0)
    tickets = shop.query(
        f"select ticket_id from read_parquet('{shop.version()}/support_tickets/*.parquet') where ticket_id = '600'"
    )
    assert tickets == []


@pytest.mark.parametrize(
    ("key", "condition", "fate"),
    [
        ("deleted_when", "_fivetran_deleted = 'true'", "withdrawn"),
        ("where", "_fivetran_deleted = 'false'", "left_out"),
    ],
)
def test_records_flagged_as_deleted_can_be_withdrawn_or_left_out(case, key, condition, fate):
    shop = case("soft_deleted_customers")
    rewrite(shop, columns={"customer_id": "id", "email": "email"}, **{key: condition})
    shop.load()
    (entry,) = shop.ledger()
    assert (entry.rows_loaded, getattr(entry, f"rows_{fate}"), entry.rows_quarantined) == (16, 4, 0)


def test_a_row_half_a_minute_ahead_is_loaded_by_the_next_run(case):
    shop = case("clock_30s_ahead")
    run_time = datetime(2026, 11, 30, 12, tzinfo=UTC)
    shop.load(run_time)
    assert (shop.entry("a.csv").rows_loaded, shop.entry("a.csv").rows_waiting) == (99, 1)
    shop.load(run_time + timedelta(days=1))
    assert (shop.entry("a.csv").rows_loaded, shop.entry("a.csv").rows_waiting) == (100, 0)
    assert shop.quarantine() == []


def test_a_wrong_clock_is_named_once_for_the_file_and_costs_no_row(case):
    shop = case("clock_30s_ahead")
    shop.load(datetime(2020, 1, 1, tzinfo=UTC))
    entry = shop.entry("a.csv")
    assert (entry.rows_loaded, entry.rows_waiting, entry.rows_quarantined) == (0, 100, 0)
    problem, remedy = accounting.waiting_rows(entry)
    assert problem.startswith("100 of its 100 rows are dated later than the time of the run")
    assert "clock of this machine" in remedy
    shop.load(datetime(2026, 12, 1, tzinfo=UTC))
    assert sum(entry.rows_loaded for entry in shop.ledger()) == 101
