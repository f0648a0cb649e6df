"""Cover sheets, titles, two header rows, merged cells, a sheet a month: what is not read as it was meant is named."""

import openpyxl
import pytest

from crm_pipeline.raw.check_sources import check_sources
from tests.raw.conftest import ORDERS, RUN_TIME
from tests.raw.excel.written import column_of, text, write

NAMES = ["id", "at", "total", "mail", "status"]


def row(number):
    return [str(number), f"2024-01-{number % 28 + 1:02}", 1.5 * number, None, "completed"]


def deliver(shop, sheets, merge=(), hidden=()):
    """Write landing/orders.xlsx with these rows by sheet; merged ranges are those of the first one."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(cells)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    for place in merge:
        book.worksheets[0].merge_cells(place)
    book.save(shop.deliver("orders.xlsx", b""))


def refusal(shop, **read):
    """What a run says of the file, which check-sources says too."""
    shop.configure(ORDERS | {"read": read})
    (complaint,) = check_sources(shop.dataset, RUN_TIME).sources[0].complaints
    shop.load(RUN_TIME)
    assert shop.entry("orders.xlsx").problem == f"{complaint.problem} {complaint.remedy}"
    return complaint.remedy.removeprefix("Write `read: ").removesuffix("` in the source shop.")


@pytest.mark.parametrize(
    ("sheets", "remedy"),
    [
        ({"Read me": [["Orders of May"]], "Data": [NAMES, row(1)]}, "{sheet: Data}"),
        ({"Read me": [["Orders"]], "Data": [["May"], [], NAMES, row(1)]}, "{sheet: Data, header_row: 3}"),
        ({"Empty": [], "Data": [NAMES, row(1)]}, "{sheet: Data}"),
        ({"Data": [["Export of 2024-05-01"], [], NAMES, row(1)]}, "{header_row: 3}"),
        ({"Data": [["Who", "When", "Money", "Who", "What"], NAMES, row(1)]}, "{header_row: 2}"),
        ({"Data": [row(1), row(2), NAMES, row(3)]}, "{header_row: 3}"),
        ({"Übersicht 1": [["x"]], "1": [NAMES, row(1)]}, "{sheet: '1'}"),
    ],
)
def test_the_line_that_finds_the_header_is_named(shop, sheets, remedy):
    deliver(shop, sheets)
    assert refusal(shop) == remedy


@pytest.mark.parametrize(
    ("sheets", "remedy"),
    [
        ({"Note": [["x"]], "Old": [NAMES, row(1)], "New": [NAMES, row(2)]}, "{sheet: New}"),
        ({"Note": [["x"]], "Old": [NAMES, row(1)]}, "{sheet: Old}"),
    ],
)
def test_a_hidden_sheet_is_proposed_only_where_no_other_has_the_columns(shop, sheets, remedy):
    deliver(shop, sheets, hidden=["Old"])
    assert refusal(shop) == remedy


def test_a_workbook_of_hidden_sheets_asks_for_one(shop):
    write(shop.deliver("orders.xlsx", b""), column_of(text("id")), names=["Old"], hidden=True)
    shop.load(RUN_TIME)
    assert "has no sheet that is not hidden. It has: Old. Name one" in shop.entry("orders.xlsx").problem


def test_other_options_stay_in_the_line_to_write(shop):
    deliver(shop, {"Data": [["Orders of May"], NAMES, row(1)]})
    assert refusal(shop, null_values=["-"]) == "{null_values: ['-'], header_row: 2}"


def test_a_name_merged_over_two_header_rows_is_the_name_of_its_column(shop):
    rows = [["id", "Money", None, "mail", "status"], [None, "at", "total", None, None], row(1)]
    deliver(shop, {"Data": rows}, merge=["A1:A2", "B1:C1", "D1:D2", "E1:E2"])
    assert refusal(shop) == "{header_row: 2}"
    shop.configure(ORDERS | {"read": {"header_row": 2}})
    shop.load(RUN_TIME)
    assert shop.query("select order_id, total_amount::varchar, status from {orders}") == [("1", "1.5000", "completed")]


@pytest.mark.parametrize(("name", "words"), [("mail", "header_row: 2"), ("post", "is no header")])
def test_a_line_with_one_known_name_is_no_header(shop, name, words):
    deliver(shop, {"Data": [["title"], ["id", "when", "sum", name, "state"], row(1)]})
    shop.load(RUN_TIME)
    assert words in shop.entry("orders.xlsx").problem


def test_a_sheet_a_month_is_named_and_each_may_be_a_source(shop):
    deliver(shop, {"Jan": [NAMES, row(1)], "Feb": [NAMES, row(2), row(3)], "Notes": [["x"]]})
    shop.load(RUN_TIME)
    assert "Only the sheet 'Jan' was read, and 'Feb' has the same columns." in shop.entry("orders.xlsx").problem
    months = [ORDERS | {"name": name, "system": "shop", "read": {"sheet": name}} for name in ("Jan", "Feb")]
    shop.configure(*months)
    assert check_sources(shop.dataset, RUN_TIME).is_fine
    shop.load(RUN_TIME)
    assert sorted(shop.query("select order_id from {orders}")) == [("1",), ("2",), ("3",)]


def merged(shop, **read):
    rows = [NAMES, row(1), row(2), row(3), row(4)]
    for cells in rows[2:4]:
        cells[0] = None
    rows[1][4] = rows[2][4] = None
    deliver(shop, {"Data": rows}, merge=["A2:A4", "D2:D3"])
    shop.configure(ORDERS | {"read": read})
    shop.load(RUN_TIME)
    return shop.entry("orders.xlsx").problem or ""


def test_merged_cells_are_named_with_the_line_that_says_what_they_mean(shop):
    problem = merged(shop)
    assert problem.startswith("The merged cells A2:A4 (id) hold one value for several rows")
    assert "`read: {merged_cells: all}` in the source shop. Otherwise write `merged_cells: first`" in problem
    assert [row[:2] for row in shop.quarantine()] == [(3, "order_id"), (4, "order_id")]


def test_merged_cells_count_for_the_first_row_as_the_source_says(shop):
    assert merged(shop, merged_cells="first") == ""
    assert len(shop.quarantine()) == 2


def test_merged_cells_count_for_each_row_as_the_source_says(shop):
    assert merged(shop, merged_cells="all") == ""
    assert shop.quarantine() == []
    assert shop.query("select distinct order_id from {orders} order by 1") == [("1",), ("4",)]


def test_a_tall_empty_row_is_no_row(shop):
    deliver(shop, {"Data": [NAMES, row(1), [], row(2)]}, merge=["A2:A3"])
    shop.configure(ORDERS | {"read": {"merged_cells": "all"}})
    shop.load(RUN_TIME)
    assert shop.entry("orders.xlsx").rows_read == 2


@pytest.mark.parametrize("preamble", ["Orders of May\nmade 2024-05-31\n\n", "Who,When,Money,Who,What\n"])
def test_of_a_csv_file_too_the_line_of_the_header_is_named(shop, preamble):
    shop.deliver("orders.csv", preamble + "id,at,total,mail,status\n1,2024-01-01,5,,completed\n")
    line = preamble.count("\n") + 1
    shop.load(RUN_TIME)
    assert f"Write `read: {{header_row: {line}}}` in the source shop." in shop.entry("orders.csv").problem
    (complaint,) = check_sources(shop.dataset, RUN_TIME).sources[0].complaints
    assert complaint.remedy == f"Write `read: {{header_row: {line}}}` in the source shop."
