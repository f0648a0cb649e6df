"""What unpacks or counts to far more than anybody delivers is refused, or read, in bounded time."""

import gzip
import zipfile

import openpyxl
import pytest

from tests.raw.conftest import ORDERS

HEADER = "id,at,total,mail,status\n"
ROW = "1,2024-01-01,10,,\n"


def test_millions_of_empty_lines_are_refused(shop):
    shop.deliver("orders.csv", HEADER + ROW + "\n" * 10_000_000)
    shop.deliver("orders_2.csv", HEADER + ROW + "\n" * 1_000)
    shop.load()
    assert "empty lines. Deliver it without them." in shop.entry("orders.csv").problem
    assert shop.entry("orders_2.csv").rows_loaded == 1


def test_an_archive_is_unpacked_up_to_the_limit_of_its_source(shop):
    shop.configure(ORDERS | {"read": {"unpacked_limit": 0.001}})
    shop.deliver("orders.csv.gz", gzip.compress((HEADER + ROW * 100_000).encode()))
    shop.load()
    assert "It unpacks to more than 0.001 GB. If that is right, raise read.unpacked_limit" in shop.ledger()[0].problem


def rewritten(shop, change, compression=zipfile.ZIP_DEFLATED):
    """Deliver a workbook of one row whose sheet is changed."""
    book = openpyxl.Workbook()
    for row in (HEADER.strip().split(","), ["1", "2024-01-01", 10, None, None]):
        book.active.append(row)
    path = shop.deliver("orders.xlsx", b"")
    book.save(path.with_name("whole"))
    with zipfile.ZipFile(path.with_name("whole")) as whole, zipfile.ZipFile(path, "w", compression) as changed:
        for name in whole.namelist():
            data = whole.read(name)
            changed.writestr(name, change(data) if name.endswith("sheet1.xml") else data)
    path.with_name("whole").unlink()
    shop.load()
    return shop.entry("orders.xlsx")


def test_a_part_of_a_workbook_that_is_made_to_fill_the_memory_is_refused(shop):
    entry = rewritten(shop, lambda sheet: sheet + b" " * 200_000_000)
    assert entry.problem == "Parts of the workbook unpack to hundreds of times their size. Export the sheet as CSV."


@pytest.mark.parametrize("number", [b"999999999", b"9" * 30])
def test_a_row_with_a_number_beyond_all_sheets_is_refused(shop, number):
    row = b'<row r="' + number + b'"><c r="A' + number + b'" t="n"><v>5</v></c></row>'
    entry = rewritten(shop, lambda sheet: sheet.replace(b"</sheetData>", row + b"</sheetData>"))
    assert entry.problem.startswith("A row of the workbook has a number above")


def test_a_sheet_with_a_hundred_thousand_empty_rows_below_its_data_loads(shop):
    rows = b"".join(b'<row r="%d"><c r="A%d" s="0"/></row>' % (line, line) for line in range(3, 100_003))
    entry = rewritten(shop, lambda sheet: sheet.replace(b"</sheetData>", rows + b"</sheetData>"))
    assert (entry.rows_read, entry.rows_loaded) == (1, 1)
