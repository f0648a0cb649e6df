"""The checks over the ledger, each seen failing; and the figures straight from raw rows, worked out by hand."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from crm_pipeline.raw import accounting
from crm_pipeline.raw.ledger import LedgerEntry
from tests.raw.conftest import ORDERS

HEADER = "id,at,total,mail,status\n"


def entry(number, rows=100, **changes):
    start = datetime(2024, 1, 1)
    blank = LedgerEntry(f"{number:064}", "shop", "shop", "orders", f"landing/{number}.csv", 1, number, 1, "m")
    return replace(blank, rows_read=rows, rows_loaded=rows, loaded_at=start + timedelta(days=number), **changes)


def test_rows_that_do_not_add_up_are_named(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-01-01,1,,\n2,bad,1,,\n")
    shop.load()
    version, (good,) = shop.version(), shop.ledger()
    assert accounting.unaccounted_rows(version, [good]) == []
    (lost,) = accounting.unaccounted_rows(version, [replace(good, rows_read=5)])
    assert lost == "landing/orders.csv: 3 of 5 rows are not accounted for."
    batch = version / "orders" / good.batch
    pq.write_table(pq.read_table(batch).slice(1), batch)
    assert accounting.unaccounted_rows(version, [good]) == [
        "landing/orders.csv: the ledger says 1 current rows, 0 are stored."
    ]
    (version / "quarantine" / good.batch).unlink()
    assert any(
        "0 are stored" in text and "quarantined" in text for text in accounting.unaccounted_rows(version, [good])
    )


def test_too_large_a_share_of_quarantined_rows_names_file_column_and_remedy(shop):
    shop.deliver("orders.csv", HEADER + "1,2024-01-01,1,,\n2,bad,1,,\n3,bad,x,,\n")
    shop.load()
    assert accounting.quarantine_failures(shop.version(), shop.ledger(), {"shop": 0.7}) == []
    (problem,) = accounting.quarantine_failures(shop.version(), shop.ledger(), {"shop": 0.05})
    assert problem.startswith("landing/orders.csv: 66.7% of its rows are quarantined (limit 5.0%)")
    assert "column ordered_at (2 rows, lines 3, 4)" in problem
    assert "format" in problem


@pytest.mark.parametrize(
    ("rows", "quarantined", "limit", "stops"),
    [
        (1_000, 50, 0.05, False),
        (1_000, 51, 0.05, True),
        (30, 15, 0.05, False),  # a share over the limit, and only a few rows
        (30, 16, 0.05, True),
        (40, 21, 0.6, False),
        (1, 1, 0.05, True),
        (1, 1, 1.0, True),  # nothing is left of it, whatever the limit
        (0, 0, 0.05, False),
    ],
)
def test_many_quarantined_rows_stop_a_run_and_a_few_do_not(tmp_path, rows, quarantined, limit, stops):
    file = entry(1, rows, rows_quarantined=quarantined)
    assert bool(accounting.quarantine_failures(tmp_path, [file], {"shop": limit})) is stops


def test_rows_that_are_left_out_are_no_part_of_the_share_of_quarantined_rows(tmp_path):
    file = entry(1, 100, rows_quarantined=6, rows_left_out=90)
    assert len(accounting.quarantine_failures(tmp_path, [file], {"shop": 0.05})) == 1


def test_refused_and_incomplete_files_are_named():
    refused = entry(1, outcome="refused", problem="It is empty.")
    cut_off = entry(2, problem="It is incomplete.")
    assert accounting.refused_files([refused, cut_off, entry(3)]) == ["landing/1.csv: refused. It is empty."]
    assert accounting.incomplete_files([refused, cut_off, entry(3)]) == ["landing/2.csv: It is incomplete."]


def test_a_delivery_under_the_same_path_settles_the_one_before(tmp_path):
    wrong = entry(1, outcome="refused")
    right = replace(entry(2), file=wrong.file)
    gone = replace(entry(3, outcome="refused"), file="landing/gone.csv")
    assert accounting.open_entries([wrong, right, gone]) == [right, gone]
    assert accounting.open_entries([wrong, right, gone], tmp_path) == [right]


def test_an_unusual_volume_is_named_once_there_is_enough_history():
    usual = [entry(number) for number in range(1, 6)]
    assert accounting.volume_warnings([entry(6, rows=49)], usual[:4]) == []
    assert accounting.volume_warnings([entry(6, rows=50)], usual) == []
    assert accounting.volume_warnings([entry(6, rows=49)], usual) == [
        "landing/6.csv: 49 rows, where shop usually has 100."
    ]
    assert len(accounting.volume_warnings([entry(6, rows=201)], usual)) == 1


def test_a_source_that_fell_silent_is_named():
    daily = [entry(number) for number in range(1, 8)]
    assert accounting.freshness_warnings(daily, datetime(2024, 1, 11)) == []
    (warning,) = accounting.freshness_warnings(daily, datetime(2024, 1, 12))
    assert warning == "Source shop has delivered nothing for 4.0 days, where a delivery usually comes every 1.0."


def test_without_orders_there_is_no_latest_day(shop):
    shop.load()
    assert accounting.latest_complete_day(shop.settings, shop.dataset.business) is None


def test_the_latest_complete_day_is_told_in_the_business_zone(shop):
    # 23:30 UTC on 1 May is already 2 May in London.
    shop.deliver("orders.csv", HEADER + "1,2024-05-01T23:30:00Z,1,,\n")
    shop.load()
    assert accounting.latest_complete_day(shop.settings, shop.dataset.business) == date(2024, 5, 1)
    shop.configure(ORDERS, timezone="UTC")
    shop.load()
    assert accounting.latest_complete_day(shop.settings, shop.dataset.business) == date(2024, 4, 30)


def test_raw_totals_follow_the_definition_of_revenue(shop):
    columns = {
        name: name for name in ("order_id", "ordered_at", "status", "total_amount", "tax_amount", "discount_amount")
    }
    lines = {name: name for name in ("order_id", "quantity", "unit_price", "status", "ordered_at", "discount_amount")}
    shop.configure(
        ORDERS | {"files": "landing/o.csv", "columns": columns, "system": "s"},
        {"name": "lines", "system": "s", "channel": "order_lines", "files": "landing/l.csv", "columns": lines},
    )
    shop.deliver(
        "o.csv",
        "order_id,ordered_at,status,total_amount,tax_amount,discount_amount\n"
        "1,2024-01-01,,,,1.00\n"  # lines 10 + 5 - 1 = 14
        "2,2024-01-01,,12.00,2.00,\n"  # no lines: 10
        "3,2024-01-01,returned,12.00,2.00,\n"  # -10
        "4,2024-01-01,cancelled,12.00,,\n"  # 0
        "5,2024-01-01,returned,,,0.50\n"  # lines -8 + 0.5 = -7.5
        "6,2024-01-03,,100,,\n"  # after the as-of date
        "7,2024-01-01,,,,\n",  # one line cancelled, one returned: -3, no positive line: a return
    )
    shop.deliver(
        "l.csv",
        "order_id,quantity,unit_price,status,ordered_at,discount_amount\n"
        "1,2,5,,,\n1,1,6,,,1\n"
        "5,4,2,,,\n"
        "7,1,9,cancelled,,\n7,1,3,returned,,\n"
        "8,3,1.335,,2024-01-02 23:00,\n"  # no header: 4.005 -> 4.01
        "9,-1,20,,2024-01-01,\n"  # a negative order: -20, a return
        "10,1,50,,2024-01-03 00:00,\n",  # after the as-of date
    )
    shop.load()
    totals = accounting.raw_totals(shop.settings, shop.dataset.business, date(2024, 1, 2))
    assert totals.revenue == Decimal("14") + 10 - 10 + 0 - Decimal("7.5") - 3 + Decimal("4.01") - 20
    assert totals.orders == 3  # 1, 2 and 8
    later = accounting.raw_totals(shop.settings, shop.dataset.business, date(2024, 1, 3))
    assert (later.orders, later.revenue) == (5, totals.revenue + 150)
