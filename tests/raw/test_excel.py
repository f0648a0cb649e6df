"""Excel workbooks: one written by a spreadsheet program, and small ones made here."""

import shutil
import zipfile
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import openpyxl.utils.datetime
import pytest

from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.raw.readers import read_file

TILL = Path(__file__).parent / "fixtures" / "till.xlsx"
ORDERS = {
    "name": "shop",
    "channel": "orders",
    "files": "landing/orders*",
    "columns": {"order_id": "id", "ordered_at": "at", "total_amount": "total", "email": "mail", "status": "status"},
}
TILL_SOURCE = ORDERS | {
    "files": "landing/till.xlsx",
    "read": {"header_row": 3},
    "columns": {"order_id": "Order", "ordered_at": "At", "total_amount": "Total", "customer_id": "Customer"},
}


@pytest.fixture
def till(shop):
    """The workbook of the spreadsheet program, in landing."""
    shop.configure(TILL_SOURCE)
    target = shop.deliver("till.xlsx", b"")
    shutil.copyfile(TILL, target)
    return target


def workbook(shop, *rows, name="orders.xlsx", sheet="Orders", edit=lambda _: None):
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    edit(book)
    path = shop.deliver(name, b"")
    book.save(path)
    return path


def texts(shop, path, **read):
    """All cells below the header as the reader's text, by line."""
    constants = {"order_id": {"value": "x"}, "ordered_at": {"value": "2024-01-01"}}
    shop.configure(ORDERS | {"read": read, "columns": constants})
    source = load_dataset(shop.settings.dataset_folder).sources[0]
    with duckdb.connect() as con:
        columns = read_file(con, path, source, path.parent).columns
        names = ", ".join(f'"{name}"' for name in columns)
        return {row[0]: row[1:] for row in con.execute(f'select " line", {names} from source_rows').fetchall()}


def test_a_spreadsheet_programs_cells_become_the_text_that_a_csv_export_holds(shop, till):
    assert texts(shop, till, header_row=3) == {
        4: ("1001", "2024-03-05", "09:15:00", "2024-03-05 09:15:00", "C-1", "19.9", "2", "true", "two\nlines"),
        5: ("1002", "2024-03-05", "10:20:00", "2024-03-05 10:20:00", "C-2", "0.3", "1", "false", 'quote "x"'),
        7: (
            "1003",
            "2024-03-06",
            "23:59:59",
            "2024-03-06 23:59:59",
            "0042",
            "1234567.89",
            "0",
            "true",
            "naïve café 北京",
        ),
        8: (
            *["1004", "2024-03-07", "00:00:00", "2024-03-07 00:00:00", "C-4"],
            "#DIV/0!",
            "0",
            "true",
            "error in the total",
        ),
        9: ("1005", "2024-03-08", "12:00:00", "2024-03-08 12:00:00", "C-5", "39.8", "3", "true", "#DIV/0!"),
    }


def test_a_sheets_rows_load_and_an_error_cell_costs_its_row_only_where_it_is_read(shop, till):
    shop.load()
    assert shop.query("select order_id, customer_id, ordered_at, total_amount, _line from {orders} order by 1") == [
        ("1001", "C-1", datetime(2024, 3, 5, 9, 15), Decimal("19.9"), 4),
        ("1002", "C-2", datetime(2024, 3, 5, 10, 20), Decimal("0.3"), 5),
        ("1003", "0042", datetime(2024, 3, 6, 23, 59, 59), Decimal("1234567.89"), 7),
        ("1005", "C-5", datetime(2024, 3, 8, 12), Decimal("39.8"), 9),
    ]
    assert shop.quarantine() == [(8, None, "the cell F8 holds the error #DIV/0!")]
    assert shop.entry("till.xlsx").rows_read == 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (19.9, "19.9"),
        (19.900000000000002, "19.9"),
        (3.0, "3"),
        (-0.5, "-0.5"),
        (1e21, "1000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (4006381333931, "4006381333931"),
        ("0042", "0042"),
        (True, "true"),
        (datetime(2024, 2, 29, 13, 5, 59), "2024-02-29 13:05:59"),
        (time(7, 30), "07:30:00"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
        (" padded ", " padded "),
    ],
)
def test_a_cell_has_its_exact_text(shop, value, text):
    assert texts(shop, workbook(shop, ["value"], [value])) == {2: (text,)}


@pytest.mark.parametrize(("style", "text"), [("yyyy-mm-dd", "2024-02-29"), ("yyyy-mm-dd hh:mm", "2024-02-29 00:00:00")])
def test_midnight_is_a_date_or_a_time_as_the_cell_is_formatted(shop, style, text):
    def format_cell(book):
        book.active["A2"].number_format = style

    assert texts(shop, workbook(shop, ["day"], [datetime(2024, 2, 29)], edit=format_cell)) == {2: (text,)}


def test_dates_of_a_workbook_that_counts_from_1904_are_right(shop):
    def count_from_1904(book):
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    path = workbook(shop, ["at"], [datetime(2024, 2, 29, 8)], edit=count_from_1904)
    assert texts(shop, path) == {2: ("2024-02-29 08:00:00",)}


def test_the_named_sheet_is_read(shop):
    def add_sheet(book):
        book.create_sheet("Exports").append(["id"])
        book["Exports"].append(["right"])

    path = workbook(shop, ["id"], ["wrong"], edit=add_sheet)
    assert texts(shop, path, sheet="Exports") == {2: ("right",)}
    assert texts(shop, path) == {2: ("wrong",)}


def test_an_unknown_sheet_is_refused_with_those_that_are_there(shop):
    shop.configure(ORDERS | {"read": {"sheet": "Order"}})
    workbook(shop, ["id"], ["1"])
    shop.load()
    problem = shop.entry("orders.xlsx").problem
    assert "no sheet 'Order'. It has: Orders. Did you mean 'Orders'? Correct read.sheet" in problem


def test_a_merged_title_is_skipped_and_a_merged_value_counts_for_its_first_row(shop):
    def merge(book):
        book.active.merge_cells("A1:B1")
        book.active.merge_cells("A3:A4")

    path = workbook(shop, ["Title"], ["id", "item"], ["1", "pen"], [None, "ink"], edit=merge)
    assert texts(shop, path, header_row=2) == {3: ("1", "pen"), 4: (None, "ink")}


def test_a_value_beyond_the_header_costs_its_row(shop):
    workbook(shop, ["id", "at", "total", "mail", "status"], ["1", "2024-01-01", 5, None, "completed", "stray"])
    shop.load()
    assert shop.quarantine() == [(2, None, "the cell F2 holds a value, and its column has no header")]


def test_formulas_without_a_saved_result_are_named(shop):
    workbook(shop, ["id", "at", "total", "mail", "status"], ["1", "2024-01-01", "=2*3", None, "completed"])
    shop.load()
    assert "Some formulas of the workbook hold no result" in shop.entry("orders.xlsx").problem


def test_a_missing_column_is_named_with_the_closest_one(shop):
    workbook(shop, ["ident", "at", "totals", "mail", "status"], ["1", "2024-01-01", 5, None, "completed"])
    shop.load()
    assert "no column 'id' (mapped to order_id)" in shop.entry("orders.xlsx").problem


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("orders.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old format (.xls). Save it as .xlsx"),
        (
            "orders.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1_048_550 + "EncryptedPackage".encode("utf-16-le"),
            "The workbook is encrypted. Save it without a password.",
        ),
        ("orders.xlsx", b"", "The file is empty."),
        ("orders.xlsx", b"id,at\n1,2\n", "cannot be read as an Excel workbook (BadZipFile)"),
    ],
)
def test_what_is_no_workbook_is_refused_with_a_remedy(shop, name, content, words):
    shop.deliver(name, content)
    shop.load()
    assert words in shop.entry(name).problem


def test_a_truncated_workbook_is_refused(shop, till):
    till.write_bytes(TILL.read_bytes()[:-200])
    shop.load()
    assert "cannot be read as an Excel workbook" in shop.entry("till.xlsx").problem


def test_a_sheet_that_breaks_off_is_refused_whole(shop, till):
    with zipfile.ZipFile(TILL) as whole, zipfile.ZipFile(till, "w") as broken:
        for name in whole.namelist():
            data = whole.read(name)
            broken.writestr(name, data.split(b'<row r="7"')[0] if name.endswith("sheet1.xml") else data)
    shop.load()
    assert shop.query("select order_id from {orders} order by 1") == []
    assert "The workbook is damaged after row 5" in shop.entry("till.xlsx").problem


def test_titles_above_the_header_of_a_csv_file_are_skipped(shop):
    shop.configure(ORDERS | {"read": {"header_row": 3}})
    rows = ["Export of orders", 'made "today', "id,at,total,mail,status", "1,2024-01-01,5,,completed"]
    shop.deliver("orders.csv", "\n".join([*rows, "2,2024-01-01,five,,completed", ""]))
    shop.load()
    assert shop.query("select order_id, _line from {orders}") == [("1", 4)]
    assert [row[:2] for row in shop.quarantine()] == [(5, "total_amount")]


def test_a_workbook_whose_parts_are_not_where_its_list_says_is_refused(shop):
    path = workbook(shop, ("id", "at", "total", "mail", "status"), ("1", "2024-01-01", 10, None, None))
    content = path.read_bytes()
    place = content.index(b"xl/worksheets/sheet1.xml") - 30
    path.write_bytes(content[:place] + content[place + 1 :])
    shop.load()
    assert shop.entry("orders.xlsx").outcome == "refused"
    assert "cannot be read as an Excel workbook" in (shop.entry("orders.xlsx").problem or "")
