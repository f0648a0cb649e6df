"""`from: [new name, old name]`: a column that the vendor renamed is read under either name."""

import json

import pytest

from crm_pipeline.raw.check_sources import check_sources
from tests.raw.conftest import ORDERS, RUN_TIME

COLUMNS = {"order_id": "id", "ordered_at": "at", "total_amount": {"from": ["total", "sum"]}}


def totals(shop):
    return [total for (total,) in shop.query("select total_amount::double from {orders} order by order_id")]


@pytest.fixture
def renamed(shop):
    shop.configure(ORDERS | {"columns": COLUMNS})
    return shop


def test_each_file_is_read_under_the_name_that_it_has(renamed):
    renamed.deliver("orders1.csv", "id,at,sum\n1,2024-01-01,5\n")
    renamed.deliver("orders2.csv", "id,at,total\n2,2024-01-01,7\n")
    renamed.load()
    assert totals(renamed) == [5, 7]
    assert not check_sources(renamed.dataset, RUN_TIME).sources[0].complaints


def test_numbers_are_read_as_their_column_writes_them_under_either_name(renamed):
    renamed.deliver("orders1.csv", 'id,at,sum\n1,2024-01-01,"1.234"\n2,2024-01-01,"1,5"\n')
    renamed.load()
    assert totals(renamed) == [1234, 1.5]


def test_a_json_record_is_read_under_the_name_that_it_has(renamed):
    renamed.configure(ORDERS | {"columns": COLUMNS | {"total_amount": ["money.total", "sum"]}})
    rows = [{"id": 1, "at": "2024-01-01", "money": {"total": 5}}, {"id": 2, "at": "2024-01-01", "sum": 7}]
    renamed.deliver("orders.jsonl", "\n".join(map(json.dumps, rows)))
    renamed.load()
    assert totals(renamed) == [5, 7]


def test_a_row_whose_columns_differ_is_quarantined_and_others_are_not(renamed):
    renamed.deliver("orders.csv", "id,at,sum,total\n1,2024-01-01,5,5\n2,2024-01-01,5,6\n3,2024-01-01,4,\n")
    renamed.load()
    assert totals(renamed) == [5, 4]
    assert renamed.quarantine() == [
        (3, "total_amount", "may be two values: the columns of the file that it may come from differ in this row: '6'")
    ]


def test_a_file_without_any_is_refused_and_all_are_named(renamed):
    renamed.deliver("orders.csv", "id,at,totl\n1,2024-01-01,5\n")
    renamed.load()
    told = (
        "The file has no column 'total' or 'sum' (mapped to total_amount). It has: id, at, totl. Did you mean 'totl'?"
    )
    assert told in renamed.entry("orders.csv").problem
    (complaint,) = check_sources(renamed.dataset, RUN_TIME).sources[0].complaints
    assert "no column 'total' or 'sum'" in complaint.problem
    assert "`total_amount: {from: [total, sum, totl]}`" in complaint.remedy


def test_json_without_any_required_key_is_refused_and_all_are_named(renamed):
    renamed.configure(ORDERS | {"columns": COLUMNS | {"order_id": ["id", "nr"]}})
    renamed.deliver("orders.jsonl", '{"no": 1, "at": "2024-01-01", "sum": 7}')
    renamed.load()
    assert "has the key 'id' or 'nr' (mapped to order_id)" in renamed.entry("orders.jsonl").problem
