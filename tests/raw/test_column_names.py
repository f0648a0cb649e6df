"""A file loads whatever its columns are called: names of our own, of the database, of SQL, or none at all."""

import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.raw.conftest import ORDERS

ODD = [
    " line", " problem", " hash", "__line", "line", "_line", "row", "raw", " text of order_id", " problem of order_id",
    "order_id", "rowid", "filename", "file_row_number", "file_index", "select", "from", "order", "null", "*", "a.b",
    'say "hi"', "it's", "semi;colon", "--", "", "", "ID", "Id", "é", "É", "顧客", "\u200b", "column_3", "x" * 300,
]  # fmt: skip
COLUMNS = {"order_id": "id", "ordered_at": "at", "total_amount": "total", "email": "mail"}
VALUES = {"id": "1", "at": "2024-05-01", "total": "7", "mail": "a@x.example"}


def csv_file(shop, names, values):
    quoted = [[f'"{text.replace(chr(34), chr(34) * 2)}"' for text in row] for row in (names, values)]
    shop.deliver("orders.csv", "\n".join(map(",".join, quoted)) + "\n")


def careful_csv_file(shop, names, values):
    csv_file(shop, names, values)
    with (shop.settings.dataset_folder / "landing" / "orders.csv").open("a") as file:
        file.write("one field\n")


def parquet_file(shop, names, values):
    pq.write_table(pa.Table.from_arrays([pa.array([value]) for value in values], names), shop.deliver("orders.pq", b""))


def json_file(shop, names, values):
    shop.deliver("orders.jsonl", json.dumps(dict(zip(names, values, strict=True))))


def excel_file(shop, names, values):
    book = openpyxl.Workbook()
    for row in (names, values):
        book.active.append(row)
    book.save(shop.deliver("orders.xlsx", b""))


FORMATS = [csv_file, careful_csv_file, parquet_file, json_file, excel_file]


@pytest.mark.parametrize("deliver", FORMATS)
def test_no_name_of_another_column_changes_what_a_mapping_reads(shop, deliver):
    shop.configure(
        ORDERS | {"columns": COLUMNS | {"status": {"sql": "case when \"total\" = '7' then 'completed' end"}}}
    )
    names = [*ODD, *VALUES]
    deliver(shop, names, [*(f"odd {number}" for number in range(len(ODD))), *VALUES.values()])
    shop.load()
    assert shop.query("select order_id, ordered_at::varchar, total_amount::int, email, status from {orders}") == [
        ("1", "2024-04-30 23:00:00", 7, "a@x.example", "completed")
    ]


@pytest.mark.parametrize("deliver", FORMATS)
def test_columns_whose_names_differ_in_case_only_are_told_apart(shop, deliver):
    shop.configure(ORDERS | {"columns": COLUMNS | {"customer_id": "ID"}})
    deliver(shop, [*VALUES, "ID"], [*VALUES.values(), "C-1"])
    shop.load()
    assert shop.query("select order_id, customer_id from {orders}") == [("1", "C-1")]


@pytest.mark.parametrize("deliver", FORMATS)
def test_an_expression_means_the_column_that_is_spelt_as_it_writes_it(shop, deliver):
    sql = "case when Total > total and \"TOTAL\".lower() = 'x' then 'cancelled' else list_extract([total], 1) end"
    shop.configure(ORDERS | {"columns": COLUMNS | {"status": {"sql": sql}}, "where": "total = '7'"})
    deliver(shop, ["Total", *VALUES, "TOTAL"], ["8", *VALUES.values(), "X"])
    shop.load()
    assert shop.query("select total_amount::int, status from {orders}") == [(7, "cancelled")]


def test_a_name_that_is_spelt_as_none_of_two_is_refused(shop):
    shop.configure(ORDERS | {"columns": COLUMNS | {"status": {"sql": "TOTAL"}}})
    csv_file(shop, ["Total", *VALUES], ["8", *VALUES.values()])
    shop.load()
    assert "names 'TOTAL', and the file has 'Total' and 'total'" in shop.entry("orders.csv").problem


@pytest.mark.parametrize("deliver", FORMATS)
def test_a_thousand_columns_load(shop, deliver):
    names = [*VALUES, *(f"c{number}" for number in range(1_000))]
    shop.configure(ORDERS | {"columns": COLUMNS})
    deliver(shop, names, [*VALUES.values(), *("x" for _ in range(1_000))])
    shop.load()
    assert shop.query("select order_id from {orders}") == [("1",)]


def test_a_name_made_for_a_repeated_column_is_never_one_that_is_there(shop):
    shop.configure(ORDERS | {"columns": COLUMNS})
    csv_file(shop, ["a_7", *VALUES, "a", "a", "a_7"], ["x", *VALUES.values(), "x", "x", "x"])
    shop.load()
    assert shop.query("select order_id from {orders}") == [("1",)]
