"""Where a first draft finds the header of a workbook or a CSV file: on which sheet, in which line."""

import openpyxl
import pytest

from crm_pipeline.raw.guessing.layout import guess_read

NAMES = ["Bestellnummer", "Datum", "Betrag", "E-Mail", "Status"]
ROW = ["1", "2024-01-01", 5, "ann@mail.example", "ok"]


@pytest.mark.parametrize(
    ("sheets", "read"),
    [
        ({"A": [NAMES, ROW]}, {}),
        ({"Deckblatt": [["Bericht"]], "Daten": [["Mai"], [], NAMES, ROW]}, {"sheet": "Daten", "header_row": 3}),
        ({"A": [["Auftrag", None, "Geld", None, None], NAMES, ROW]}, {"header_row": 2}),
        ({"A": [["foo", "bar"], ["x", 1], ["y", 2]]}, {}),
        ({"A": [["title"], [], ["foo", "bar", "baz"], ["x", 1, 2]]}, {"header_row": 3}),
        ({"Cover": [["x"]], "B": [["foo", "bar"], ["x", 1]]}, {"sheet": "B"}),
        ({"A": []}, {}),
    ],
)
def test_the_header_of_a_workbook_is_found(tmp_path, sheets, read):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(cells)
    book.save(tmp_path / "a.xlsx")
    assert guess_read(tmp_path / "a.xlsx") == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Who,When,Money,Who\norder_id,order_date,total,email\n1,2024-01-01,5,ann@mail.example\n", {"header_row": 2}),
        ("order id,date,total\n1,2024-01-01,5\n", {}),
        ("first,second\nemail,phone\nphone,email\n", {}),
    ],
)
def test_of_two_header_lines_of_a_csv_file_the_one_with_known_names_counts(tmp_path, text, read):
    (tmp_path / "a.csv").write_text(text)
    assert guess_read(tmp_path / "a.csv") == read
