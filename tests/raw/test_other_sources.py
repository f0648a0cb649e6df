"""Which source takes a file: each remedy for a renamed column works, and a file counts for the source that takes it."""

import pytest

from crm_pipeline.raw.accounting import open_entries, refused_files
from tests.raw.conftest import ORDERS

FIRST = "id,at,total,mail,status\n1,2024-01-01,5.00,a@x.de,completed\n2,2024-01-02,6.00,b@x.de,completed\n"
SECOND = "id,placed,total,mail,status\n2,2024-01-02,7.00,b@x.de,completed\n3,2024-01-03,8.00,c@x.de,completed\n"
RENAMED = ORDERS | {"columns": ORDERS["columns"] | {"ordered_at": "placed"}}


@pytest.fixture
def refused(shop):
    """A shop with a loaded file and one that is refused."""
    shop.configure(ORDERS)
    shop.deliver("orders_1.csv", FIRST)
    shop.load()
    shop.deliver("orders_2.csv", SECOND)
    (problem,) = shop.load().problems
    assert "no column 'at'" in problem
    for remedy in ("Deliver the file with it", "correct columns.ordered_at", "a source of its own with `system: shop`"):
        assert remedy in problem
    return shop


def still_wrong(shop) -> list[str]:
    """What stops a run."""
    return refused_files(open_entries(shop.ledger(), shop.settings.dataset_folder))


def test_the_file_delivered_with_the_column_is_loaded(refused):
    assert len(still_wrong(refused)) == 1
    refused.deliver("orders_2.csv", SECOND.replace("placed", "at"))
    refused.load()
    assert still_wrong(refused) == []
    assert refused.query("select order_id, total_amount from {orders} order by 1") == [("1", 5), ("2", 7), ("3", 8)]


def test_a_source_of_its_own_takes_the_file_beside_the_others(refused):
    refused.configure(
        ORDERS | {"files": "landing/orders_1.csv"},
        RENAMED | {"name": "shop_2", "system": "shop", "files": "landing/orders_2.csv"},
    )
    assert refused.load().problems == ()
    assert still_wrong(refused) == []
    assert refused.query("select _system, count(*) from {orders} group by all") == [("shop", 4)]


def test_the_mapping_corrected_loads_it_where_all_files_are_like_it(refused):
    refused.configure(RENAMED)
    refused.deliver("orders_1.csv", FIRST.replace("at,", "placed,", 1))
    refused.load()
    assert still_wrong(refused) == []
    # The first file came again, so that it is the newest word on order 2.
    assert refused.query("select order_id, total_amount from {orders} order by 1") == [("1", 5), ("2", 6), ("3", 8)]


def test_a_refused_file_that_no_source_takes_any_more_stops_nothing(refused):
    refused.configure(ORDERS | {"files": "landing/orders_1.csv"})
    assert refused.load().problems == ()
    assert still_wrong(refused) == []
    assert [entry.file for entry in refused.ledger()] == ["landing/orders_1.csv"]
    assert not refused.load().changed


LINES = {
    "name": "lines",
    "system": "shop",
    "channel": "order_lines",
    "files": "landing/lines*",
    "columns": {"order_id": "id", "ordered_at": "at", "quantity": "n", "unit_price": "price"},
}


@pytest.fixture
def lines(shop):
    """Two files of order lines, the second of which corrects an order of the first."""
    shop.configure(LINES)
    shop.deliver("lines_1.csv", "id,at,n,price\n1,2024-01-01,1,5.00\n2,2024-01-01,1,6.00\n2,2024-01-01,1,6.00\n")
    shop.deliver("lines_2.csv", "id,at,n,price\n2,2024-01-01,1,7.00\n3,2024-01-02,1,8.00\n")
    shop.load()
    return shop


def test_where_lines_would_count_twice_no_source_of_its_own_is_proposed(lines):
    lines.deliver("lines_3.csv", "id,placed,n,price\n2,2024-01-01,1,7.00\n")
    (problem,) = lines.load().problems
    assert "if all of its files are like this one." in problem


def test_a_file_that_another_source_takes_over_counts_once(lines):
    lines.configure(
        LINES | {"files": "landing/lines_1.csv"}, LINES | {"name": "lines_2", "files": "landing/lines_2.csv"}
    )
    (told,) = lines.load().problems
    assert "Source lines no longer takes landing/lines_2.csv: its 2 rows are no longer part" in told
    counted = lines.query("select _source, count(*), sum(unit_price) from {order_lines} group by all order by 1")
    assert counted == [("lines", 3, 17), ("lines_2", 2, 15)]
    assert not lines.load().changed


def test_what_a_file_replaced_is_back_when_no_source_takes_that_file(lines):
    assert lines.query("select sum(unit_price) from {order_lines}") == [(20,)]
    lines.configure(LINES | {"files": "landing/lines_1.csv"})
    lines.load()
    assert lines.query("select sum(unit_price) from {order_lines}") == [(17,)]
    assert lines.entry("lines_1.csv").rows_superseded == 0
    lines.configure(LINES)
    lines.load()
    assert lines.query("select sum(unit_price) from {order_lines}") == [(20,)]


def test_a_file_that_has_left_the_folder_keeps_its_rows(lines):
    lines.configure(LINES | {"files": "landing/lines_1.csv"})
    (lines.settings.dataset_folder / "landing" / "lines_2.csv").unlink()
    lines.load()
    assert lines.query("select sum(unit_price) from {order_lines}") == [(20,)]
