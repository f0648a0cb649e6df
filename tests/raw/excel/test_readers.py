"""Both readers of workbooks return the same texts, whatever the cells hold, or the fast one leaves the sheet alone."""

import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.raw.excel.fast import fast_rows
from crm_pipeline.raw.excel.parts import open_workbook
from crm_pipeline.raw.excel.streamed import streamed_rows
from tests.raw.excel.written import column_of, text, write

#: Codes, and numbers of formats that programs know by heart: 14-22 and 45-47 in the West, 27-36 and 50-58 in the East.
FORMS = (
    *["yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "dd/mm/yy h:mm AM/PM", "h:mm", "[h]:mm:ss", "[mm]:ss", "mmm-yy", "0.00%"],
    *["#,##0.00 [$EUR]", '0 "days"', '[Red]0;"none"', "[$-409]d-mmm-yy;@", 'yyyy"年"m"月"d"日"', "0.00E+00", "General"],
    *["mm:ss.0", '#,##0.00\\ "kr";[Red]-#,##0.00\\ "kr"', "@", "_-* #,##0.00_-", "0\\d", "yyyy\\-mm\\-dd\\Thh:mm:ss"],
    *["DD.MM.YYYY", "dddd, mmmm dd, yyyy", "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "[$-407]HH:MM", "[ss]", '"Q"0'],
    *[14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47, 27, 28, 30, 31, 32, 36, 50, 57, 58, 9, 10, 1, 4, 37, 49],
)
NUMBERS = ("0", "1", "0.5", "1.5", "59", "60", "61", "366", "45351", "45351.0", "45351.5", "45351.549305555556", "0.1")
ODD = ("-1", "-0.25", "45000.999999999", "2958465", "2958466", "3000000", "1E+21", "1.5E-07", "0.30000000000000004")
LONG = ("123456789012345", "1234567890123456", "12345678901234567890", "4006381333931", "19.900000000000002", "007")


def both(path, sheet=0):
    """The rows of a sheet as the two readers return them, without what is empty at their ends."""
    book = open_workbook(path, 1)
    chosen = book.sheets[sheet]
    fast = fast_rows(book, chosen)
    return (None if fast is None else trimmed(fast)), trimmed(streamed_rows(book, chosen))


def trimmed(rows):
    found = []
    for cells in rows:
        last = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
        found.append([(cell, type(cell).__name__) for cell in cells[:last]])
    while found and not found[-1]:
        found.pop()
    return found


@pytest.mark.parametrize("epoch_1904", [False, True])
@pytest.mark.parametrize("number", [*NUMBERS, *ODD, *LONG])
def test_a_number_is_the_same_text_in_every_format(tmp_path, number, epoch_1904):
    cells = [f'<c s="{style}"><v>{number}</v></c>' for style in range(len(FORMS) + 1)]
    path = write(tmp_path / "a.xlsx", column_of(*cells), forms=FORMS, epoch_1904=epoch_1904)
    fast, streamed = both(path)
    assert fast in (None, streamed)
    if number in NUMBERS:
        assert fast is not None


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c s="1"><v>45351</v></c>', "2024-02-29"),
        ('<c s="2"><v>45351</v></c>', "2024-02-29 00:00:00"),
        ('<c s="2"><f>A1</f><v>45351</v></c>', "2024-02-29 00:00:00"),
        ('<c t="n" s="2"><v>45351</v></c>', "2024-02-29 00:00:00"),
        ('<c s="2"><v>45351.5</v></c>', "2024-02-29 12:00:00"),
        ('<c s="3"><v>45351</v></c>', "2024-02-29"),
        ('<c s="4"><v>0.5</v></c>', "12:00:00"),
        ('<c s="4"><v>0</v></c>', "00:00:00"),
        ('<c s="5"><v>1.25</v></c>', "30:00:00"),
        ('<c s="6"><v>0.19</v></c>', "0.19"),
        ('<c t="b"><v>1</v></c>', "true"),
        ('<c t="b"><f>TRUE()</f><v>0</v></c>', "false"),
        ('<c t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c s="1" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
        ('<c t="e"><f t="shared" si="0"/><v>#REF!</v></c>', "#REF!"),
        ('<c t="str"><f>"a"&amp;"b"</f><v>a&amp;b</v></c>', "a&b"),
        ('<c t="str"><v>#N/A</v></c>', "#N/A"),
        ("<c><f>1+1</f><v>2</v></c>", "2"),
        ("<c><v>3.0</v></c>", "3"),
        ("<c><v>19.900000000000002</v></c>", "19.9"),
        ("<c><v>4006381333931</v></c>", "4006381333931"),
        ("<c><v>1234567890123456789</v></c>", "1234567890123456789"),
        ('<c t="s"><v>0</v></c>', "0042"),
        ('<c t="s"><v>1</v></c>', "rich text"),
        ('<c t="s"><v>2</v></c>', " padded "),
        ('<c t="s"><v>3</v></c>', "two\nlines"),
        ('<c t="s"><v>4</v></c>', "東京"),
        ('<c t="s"><v>5</v></c>', "a\rb"),
        ('<c t="s"><v>6</v></c>', "_x1234_"),
        ('<c t="s"><v>7</v></c>', "AB_x1234_C"),
        ('<c t="inlineStr"><is><t>a_x000D_b</t></is></c>', "a\rb"),
        ('<c t="inlineStr"><is><t> b </t></is></c>', " b "),
        ('<c t="str"><v> b </v></c>', " b "),
        ('<c t="str"><v>a_x000D_b</v></c>', "a\rb"),
        ('<c t="d"><v>2024-02-29T13:05:59</v></c>', "2024-02-29 13:05:59"),
        (text("#N/A"), "#N/A"),
        (text("007"), "007"),
        (text('<c r="A1" t="e"><v>x</v></c>'), '<c r="A1" t="e"><v>x</v></c>'),
    ],
)
def test_a_cell_has_this_text_by_both_readers(tmp_path, cell, expected):
    strings = ["<t>0042</t>", "<r><t>rich </t></r><r><rPr><b/></rPr><t>text</t></r>"]
    strings += ['<t xml:space="preserve"> padded </t>', "<t>two\nlines</t>"]
    strings += [
        '<t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh>',
        "<t>a_x000D_b</t>",
        "<t>_x005F_x1234_</t>",
        "<t>AB_x1234_C</t>",
    ]
    forms = ("yyyy-mm-dd", "yyyy-mm-dd hh:mm", 31, "h:mm", "[h]:mm", "0%")
    fast, streamed = both(write(tmp_path / "a.xlsx", column_of(cell), forms=forms, strings=strings))
    kind = "CellError" if 't="e"' in cell and "inlineStr" not in cell else "str"
    assert streamed == [[(expected, kind)]]
    assert fast in (None, streamed)


@pytest.mark.parametrize(
    ("rows", "is_fast"),
    [
        ('<row r="3"><c r="C3"><v>1</v></c></row><row r="7"><c r="D7"><v>2</v></c></row>', True),
        ('<row r="2"/><row r="3"><c r="B3" t="e"><v>#N/A</v></c></row>', True),
        ('<row r="1"><c r="AB1"><v>1</v></c></row>', True),
        ("<row><c><v>1</v></c></row>", False),
        ("<row r='1'><c r='A1'><v>1</v></c></row>", False),
        ('<row r="1"><c s="0" r="A1"><v>1</v></c></row>', False),
        ('<row r="1"><c\n r="A1"><v>1</v></c></row>', False),
        ('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', None),
    ],
)
def test_cells_stand_where_they_say(tmp_path, rows, is_fast):
    path = write(tmp_path / "a.xlsx", f"<sheetData>{rows}</sheetData>")
    if is_fast is None:
        book = open_workbook(path, 1)
        assert fast_rows(book, book.sheets[0]) is None
        return
    fast, streamed = both(path)
    assert fast == (streamed if is_fast else None)
    assert streamed


def test_a_sheet_with_prefixed_elements_is_left_to_the_other_reader(tmp_path):
    path = write(tmp_path / "a.xlsx", column_of("<c><v>1</v></c>"))
    plain, _ = both(path)
    assert plain is not None
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rows = '<x:sheetData><x:row r="1"><x:c r="A1" t="e"><x:v>#N/A</x:v></x:c></x:row></x:sheetData>'
    prefixed = f'<x:worksheet xmlns:x="{space}">{rows}</x:worksheet>'
    path = write(tmp_path / "b.xlsx", "")
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    parts["xl/worksheets/sheet1.xml"] = prefixed.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert both(path) == (None, [[("#N/A", "CellError")]])


CELLS = st.one_of(
    st.builds(
        lambda style, number: f'<c s="{style}"><v>{number}</v></c>',
        st.integers(0, len(FORMS)),
        st.one_of(
            st.floats(0, 80_000, allow_nan=False).map(repr),
            st.integers(0, 60_000).map(str),
            st.floats(-1e12, 1e12, allow_nan=False).map(repr),
            st.integers(0, 1440).map(lambda minute: repr(45_000 + minute / 1440)),
        ),
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"), max_size=8).map(text),
    st.sampled_from(['<c t="e"><v>#VALUE!</v></c>', '<c t="b"><v>1</v></c>', '<c s="2"/>', "<c><f>1</f><v></v></c>"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELLS, min_size=1, max_size=6), epoch_1904=st.booleans())
def test_any_cells_are_the_same_by_both_readers(tmp_path, cells, epoch_1904):
    fast, streamed = both(write(tmp_path / "a.xlsx", column_of(*cells), forms=FORMS, epoch_1904=epoch_1904))
    assert fast in (None, streamed)
