"""Rows that are left out, deleted in their source system, or gone from a full export; and what is kept all the same."""

import pytest

from crm_pipeline.raw import accounting
from crm_pipeline.raw.check_sources import check_sources
from crm_pipeline.raw.ledger import LedgerEntry
from tests.raw.conftest import ORDERS, RUN_TIME, Shop

CUSTOMERS = {
    "name": "crm",
    "channel": "customers",
    "files": "landing/crm*",
    "columns": {"customer_id": "id", "email": "mail", "updated_at": "at"},
}
LINES = {
    "name": "lines",
    "channel": "order_lines",
    "files": "landing/lines*",
    "columns": {"order_id": "id", "product_id": "sku", "quantity": "n"},
}
ROWS = "id,at,total,mail,status\n"
PEOPLE = "id,mail,at,gone\n"


def people(*rows: tuple[object, ...]) -> str:
    return PEOPLE + "".join(f"{number},{number}@example.com,{at},{gone}\n" for number, at, gone in rows)


def customers(shop: Shop) -> list[tuple[str, str]]:
    return shop.query("select customer_id, updated_at::date::varchar from {customers} order by 1, 2")


def fates(entry: LedgerEntry) -> dict[str, int]:
    found = {fate: getattr(entry, f"rows_{fate}") for fate in ("loaded", "left_out", "withdrawn", "superseded")}
    return {fate: rows for fate, rows in found.items() if rows}


def test_rows_of_which_the_condition_is_not_true_are_left_out_and_counted(shop):
    shop.configure(ORDERS | {"where": "status <> 'test'"})
    rows = "1,2024-01-01,10,,completed\n2,never,x,,test\n3,2024-01-01,30,,\n"
    shop.deliver("orders.csv", ROWS + rows)
    shop.load()
    # The test order is not judged, and of an empty status the condition is not true.
    assert shop.quarantine() == []
    assert fates(shop.entry("orders.csv")) == {"loaded": 1, "left_out": 2}


def test_a_row_that_says_that_its_record_is_deleted_takes_back_what_came_before(shop):
    shop.configure(CUSTOMERS | {"deleted_when": "gone = 'yes'"})
    shop.deliver("crm_1.csv", people((1, "2024-01-01", ""), (2, "2024-01-01", "")))
    shop.load()
    shop.deliver("crm_2.csv", people((2, "2024-02-01", "yes"), (3, "2024-02-01", "")))
    shop.load()
    assert customers(shop) == [("1", "2024-01-01"), ("3", "2024-02-01")]
    assert fates(shop.entry("crm_1.csv")) == {"loaded": 1, "withdrawn": 1}
    assert fates(shop.entry("crm_2.csv")) == {"loaded": 1, "withdrawn": 1}


def test_all_versions_of_a_deleted_record_are_taken_back_and_later_ones_stay(shop):
    shop.configure(CUSTOMERS | {"deleted_when": "gone = 'yes'"})
    versions = [(1, "2024-01-01", ""), (1, "2024-02-01", ""), (1, "2024-03-01", "yes"), (1, "2024-03-20", "")]
    shop.deliver("crm.csv", people(*versions))
    shop.load()
    assert customers(shop) == [("1", "2024-03-20")]
    assert fates(shop.entry("crm.csv")) == {"loaded": 1, "withdrawn": 3}


def test_only_the_key_of_a_deleted_record_need_be_right(shop):
    shop.configure(ORDERS | {"deleted_when": "status = 'deleted'"})
    shop.deliver("orders_1.csv", ROWS + "1,2024-01-01,10,,\n2,2024-01-01,20,,\n")
    shop.load()
    shop.deliver("orders_2.csv", ROWS + "1,,x,,deleted\n,,,,deleted\n")
    shop.load()
    assert shop.query("select order_id from {orders}") == [("2",)]
    # A deletion of nobody knows what is a fault.
    assert [(line, column) for line, column, _ in shop.quarantine()] == [(3, "order_id")]


def test_a_deleted_line_takes_out_itself_and_not_the_other_lines_of_its_order(shop):
    shop.configure(LINES | {"deleted_when": "n = '0'"})
    shop.deliver("lines_1.csv", "id,sku,n\nA,x,1\nA,y,1\nB,x,1\n")
    shop.load()
    shop.deliver("lines_2.csv", "id,sku,n\nA,x,1\nA,y,0\nB,x,0\n")
    shop.load()
    assert shop.query("select order_id, product_id, _delivery from {order_lines}") == [("A", "x", 2)]


def test_a_file_read_again_does_not_bring_back_what_a_later_delivery_deleted(shop):
    source = CUSTOMERS | {"deleted_when": "gone = 'yes'"}
    shop.configure(source)
    shop.deliver("crm_1.csv", people((1, "2024-01-01", ""), (2, "2024-01-01", "")))
    later = shop.deliver("crm_2.csv", people((2, "2024-02-01", "yes")))
    shop.load()
    later.unlink()
    shop.configure(source | {"exact_duplicates": "keep"})
    shop.load()
    assert customers(shop) == [("1", "2024-01-01")]


def test_a_record_that_comes_again_after_its_deletion_is_there(shop):
    shop.configure(CUSTOMERS | {"deleted_when": "gone = 'yes'"})
    for number, gone in enumerate(("", "yes", "")):
        shop.deliver(f"crm_{number}.csv", people((1, f"2024-0{number + 1}-01", gone)))
        shop.load()
    assert customers(shop) == [("1", "2024-03-01")]


def test_what_the_newest_full_export_does_not_hold_is_withdrawn(shop):
    shop.configure(CUSTOMERS | {"delivery": "full"})
    shop.deliver("crm_1.csv", people((1, "2024-01-01", ""), (2, "2024-01-01", ""), (3, "2024-01-01", "")))
    shop.load()
    shop.deliver("crm_2.csv", people((1, "2024-01-01", ""), (2, "2024-02-01", "")))
    shop.load()
    # The earlier version of who is still there stays: it is history.
    assert customers(shop) == [("1", "2024-01-01"), ("2", "2024-01-01"), ("2", "2024-02-01")]
    assert fates(shop.entry("crm_1.csv")) == {"loaded": 1, "superseded": 1, "withdrawn": 1}
    assert shop.entry("crm_2.csv").rows_taken_back == 1


def test_full_exports_at_once_or_one_by_one_leave_the_same_rows(shop, tmp_path):
    at_once = Shop(tmp_path / "other")
    exports = [(1, 2, 3), (2, 3), (1, 3, 4), (3, 4)]
    for one in (shop, at_once):
        one.configure(CUSTOMERS | {"delivery": "full"})
    for number, ids in enumerate(exports):
        content = people(*((person, "2024-01-01", number) for person in ids))
        shop.deliver(f"crm_{number}.csv", content)
        shop.load()
        at_once.deliver(f"crm_{number}.csv", content)
    at_once.load()
    assert customers(shop) == customers(at_once) == [("3", "2024-01-01"), ("4", "2024-01-01")]


def test_the_files_of_one_folder_can_be_one_full_export(shop):
    shop.configure(CUSTOMERS | {"delivery": "full_folder", "files": "landing/*/crm*"})
    shop.deliver("monday/crm_1.csv", people((1, "2024-01-01", ""), (2, "2024-01-01", "")))
    shop.deliver("monday/crm_2.csv", people((3, "2024-01-01", "")))
    shop.load()
    assert len(customers(shop)) == 3
    shop.deliver("tuesday/crm_1.csv", people((1, "2024-01-01", "x")))
    shop.deliver("tuesday/crm_2.csv", people((3, "2024-01-01", "x")))
    shop.load()
    assert [row[0] for row in customers(shop)] == ["1", "3"]


def test_a_row_of_a_full_export_that_cannot_be_used_still_says_that_its_record_is_there(shop):
    shop.configure(CUSTOMERS | {"delivery": "full"})
    shop.deliver("crm_1.csv", people((1, "2024-01-01", ""), (2, "2024-01-01", ""), (3, "2024-01-01", "")))
    shop.load()
    shop.deliver("crm_2.csv", people((1, "2024-02-01", ""), (2, "soon", "")))
    shop.load()
    assert [row[0] for row in customers(shop)] == ["1", "1", "2"]


@pytest.mark.parametrize("export", [people(), people((1, "2024-02-01", "")) + "2,2@example.com\n"])
def test_a_full_export_that_cannot_tell_who_is_gone_withdraws_nobody(shop, export):
    shop.configure(CUSTOMERS | {"delivery": "full"})
    shop.deliver("crm_1.csv", people((1, "2024-01-01", ""), (2, "2024-01-01", "")))
    shop.load()
    shop.deliver("crm_2.csv", export)
    shop.load()
    assert {row[0] for row in customers(shop)} == {"1", "2"}


def test_a_refused_full_export_withdraws_nobody(shop):
    shop.configure(CUSTOMERS | {"delivery": "full"})
    shop.deliver("crm_1.csv", people((1, "2024-01-01", "")))
    shop.load()
    shop.deliver("crm_2.csv", "number,mail\n7,7@example.com\n")
    shop.load()
    assert [row[0] for row in customers(shop)] == ["1"]


def test_a_source_that_is_found_to_deliver_everything_is_settled_anew(shop):
    shop.configure(CUSTOMERS)
    shop.deliver("crm_1.csv", people((1, "2024-01-01", ""), (2, "2024-01-01", "")))
    shop.deliver("crm_2.csv", people((1, "2024-02-01", "")))
    shop.load()
    assert {row[0] for row in customers(shop)} == {"1", "2"}
    shop.configure(CUSTOMERS | {"delivery": "full"})
    shop.load()
    assert {row[0] for row in customers(shop)} == {"1"}


def test_a_full_export_that_lacks_most_rows_stops_a_run_until_they_come_again(shop):
    shop.configure(CUSTOMERS | {"delivery": "full"})
    everybody = [(number, "2024-01-01", "") for number in range(100)]
    shop.deliver("crm_1.csv", people(*everybody))
    shop.load()
    shop.deliver("crm_2.csv", people(*everybody[:30]))
    shop.load()
    (problem,) = accounting.withdrawal_failures(shop.ledger(), {"crm": 0.5})
    assert problem.startswith("landing/crm_2.csv: the source crm delivers all its rows each time, and 70 rows (70.0%")
    assert accounting.withdrawal_failures(shop.ledger(), {"crm": 1}) == []
    shop.deliver("crm_3.csv", people(*everybody[:29]))
    shop.load()
    assert len(accounting.withdrawal_failures(shop.ledger(), {"crm": 0.5})) == 1
    shop.deliver("crm_4.csv", people(*everybody[:95]))
    shop.load()
    assert accounting.withdrawal_failures(shop.ledger(), {"crm": 0.5}) == []


def test_a_loaded_file_that_has_left_landing_is_named_when_it_cannot_be_read_again(shop):
    path = shop.deliver("orders_1.csv", ROWS + "1,2024-01-01,10,,\n")
    shop.deliver("orders_2.csv", ROWS + "2,2024-01-01,20,,\n")
    shop.load()
    path.unlink()
    shop.configure(ORDERS | {"where": "total = '10'"})
    (problem,) = shop.load().problems
    assert "1 of its loaded files are no longer in landing to be read again (landing/orders_1.csv)" in problem
    assert shop.query("select order_id from {orders}") == [("1",)]
    assert shop.load().problems == (problem,)


def test_an_order_that_is_cut_over_two_files_of_a_load_is_named(shop):
    shop.configure(LINES)
    shop.deliver("lines_1.csv", "id,sku,n\nA,x,1\nB,x,1\nB,y,1\n")
    shop.deliver("lines_2.csv", "id,sku,n\nB,z,1\nC,x,1\n")
    shop.load()
    (problem,) = accounting.incomplete_files(shop.ledger())
    assert problem.startswith("landing/lines_1.csv: 1 of its order_lines keys go on in a later file of the same load")
    assert "order_id B" in problem


def test_a_corrected_order_is_not_taken_for_one_that_is_cut(shop):
    shop.configure(LINES)
    shop.deliver("lines_1.csv", "id,sku,n\nA,x,1\nB,x,1\nB,y,1\n")
    shop.deliver("lines_2.csv", "id,sku,n\nB,y,2\n")
    shop.load()
    shop.deliver("lines_3.csv", "id,sku,n\nA,z,1\n")
    shop.load()
    assert accounting.incomplete_files(shop.ledger()) == []


def test_a_condition_that_leaves_nothing_of_a_file_is_named(shop):
    shop.configure(ORDERS | {"where": "status = 'complete'"})
    shop.deliver("orders.csv", ROWS + "1,2024-01-01,10,,completed\n2,2024-01-01,20,,completed\n")
    shop.load()
    (problem,) = accounting.emptied_files(shop.ledger())
    assert problem.startswith("landing/orders.csv: the conditions of the source shop (where, deleted_when) leave none")
    (noted,) = check_sources(shop.dataset, RUN_TIME).sources[0].notes
    assert noted == problem


def test_check_sources_says_how_many_rows_conditions_take(shop):
    shop.configure(ORDERS | {"where": "status <> 'test'", "deleted_when": "status = 'deleted'"})
    rows = "1,2024-01-01,10,,completed\n2,2024-01-01,20,,test\n3,2024-01-01,30,,deleted\n"
    shop.deliver("orders.csv", ROWS + rows)
    check = check_sources(shop.dataset, RUN_TIME)
    assert check.is_fine
    told = "landing/orders.csv: 1 rows are left out (where), 1 withdrawn (deleted_when)."
    assert check.sources[0].notes == [told]
