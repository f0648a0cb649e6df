"""Rows dated later than the run wait for one that is after that, and are loaded by it as if they had just come."""

from datetime import UTC, datetime, timedelta

from crm_pipeline.raw import accounting
from crm_pipeline.raw.ledger import LedgerEntry
from tests.raw.conftest import ORDERS, RUN_TIME

HEADER = "id,at,total,mail,status\n"
LATER = RUN_TIME + timedelta(days=2)


def orders(shop):
    return shop.query("select order_id, total_amount::int, _delivery, _line from {orders} order by 1")


def fates(entry: LedgerEntry) -> tuple[int, int, int, int]:
    return entry.rows_read, entry.rows_loaded, entry.rows_waiting, entry.rows_superseded


def test_a_row_dated_later_than_the_run_waits_and_the_next_run_after_it_takes_it(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-05-01,10,,\n2,2024-06-02 08:00,20,,\n")
    shop.load()
    assert (orders(shop), shop.quarantine()) == ([("1", 10, 1, 2)], [])
    assert fates(shop.entry("orders.csv")) == (2, 1, 1, 0)
    assert shop.load().changed is False
    assert shop.load(LATER).changed
    assert orders(shop) == [("1", 10, 1, 2), ("2", 20, 1, 3)]
    assert fates(shop.entry("orders.csv")) == (2, 2, 0, 0)
    assert shop.load(LATER).changed is False


def test_each_row_waits_for_its_own_time(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-06-02,10,,\n2,2024-06-20,20,,\n3,9999-12-31,30,,\n")
    shop.load()
    assert shop.entry("orders.csv").waits_until == datetime(2024, 6, 1, 23)  # midnight in London
    shop.load(LATER)
    assert [row[0] for row in orders(shop)] == ["1"]
    assert fates(shop.entry("orders.csv")) == (3, 1, 2, 0)
    shop.load(datetime(2030, 1, 1, tzinfo=UTC))
    assert [row[0] for row in orders(shop)] == ["1", "2"]
    assert fates(shop.entry("orders.csv")) == (3, 2, 1, 0)


def test_a_file_of_which_all_rows_wait_is_loaded_once_they_need_not(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-06-02,10,,\n")
    shop.load()
    assert orders(shop) == []
    shop.load(LATER)
    assert orders(shop) == [("1", 10, 1, 2)]


def test_a_waiting_row_is_superseded_by_what_came_later(shop):
    shop.deliver("orders_1.csv", HEADER + "1,2024-06-02,10,,\n")
    shop.load()
    shop.deliver("orders_2.csv", HEADER + "1,2024-05-02,11,,\n")
    shop.load()
    shop.load(LATER)
    assert orders(shop) == [("1", 11, 2, 2)]
    assert fates(shop.entry("orders_1.csv")) == (1, 0, 0, 1)


def test_a_waiting_row_replaces_the_line_of_its_key_above_it_when_its_time_comes(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-05-01,10,,\n1,2024-06-02,11,,\n")
    shop.load()
    assert orders(shop) == [("1", 10, 1, 2)]
    shop.load(LATER)
    assert orders(shop) == [("1", 11, 1, 3)]
    assert fates(shop.entry("orders.csv")) == (2, 1, 0, 1)


def test_a_row_that_is_wrong_as_well_is_quarantined_and_does_not_wait(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-06-02,much,,\n")
    shop.load()
    assert [(line, column) for line, column, _ in shop.quarantine()] == [(2, "total_amount")]
    assert shop.entry("orders.csv").rows_waiting == 0


def test_a_file_that_is_read_again_waits_anew(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-05-01,10,,\n2,2024-06-02,20,,\n")
    shop.load()
    shop.configure(ORDERS | {"where": "total = '20'"})
    shop.load()
    assert fates(shop.entry("orders.csv")) == (2, 0, 1, 0)
    shop.load(LATER)
    assert orders(shop) == [("2", 20, 1, 3)]


def test_a_waiting_row_outlives_its_file(shop):
    path = shop.deliver("orders.csv", HEADER + "1,2024-06-02,10,,\n")
    shop.load()
    path.unlink()
    shop.load(LATER)
    assert orders(shop) == [("1", 10, 1, 2)]


def test_a_file_with_waiting_rows_is_named_once_with_its_clock(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-06-02,10,,\n2,2024-06-03,20,,\n3,2024-05-03,30,,\n")
    shop.load()
    problem, remedy = accounting.waiting_rows(shop.entry("orders.csv"))
    told = "2 of its 3 rows are dated later than the time of the run (from 2024-06-01 23:00:00 UTC on)."
    assert problem == told
    assert "clock of this machine" in remedy
    (sentence,) = accounting.waiting_files(shop.ledger())
    assert sentence.startswith(
        "2 rows are dated later than the time of the run: landing/orders.csv (2 of 3, from 2024-06-01 23:00:00 UTC on)."
    )


def test_a_waiting_row_that_is_lost_is_not_accounted_for(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-06-02,10,,\n")
    shop.load()
    entry = shop.entry("orders.csv")
    (shop.version() / "waiting" / entry.batch).unlink()
    assert accounting.unaccounted_rows(shop.version(), [entry]) == [
        "landing/orders.csv: the ledger says 1 waiting rows, 0 are stored."
    ]
