"""Broken files: each is named with file, line, column and remedy, or loads right where it is no fault."""

import gzip
import io
import json
import re
import zipfile
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from crm_pipeline.cli.app import app
from crm_pipeline.config.settings import PROJECT
from crm_pipeline.raw.check_report import as_json, render
from crm_pipeline.raw.check_sources import Check, check_sources
from tests.raw.conftest import ORDERS, RUN_TIME

HEADER = "id,at,total,mail,status"
ROWS = [f"{1000 + n},2024-01-{n:02} 10:00,{n}.50,a{n}@example.com,completed" for n in range(1, 6)]


def table(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *rows]) + end


def with_values(column: int, *values: str) -> str:
    """Good rows of which one column holds these values instead."""
    rows = [row.split(",") for row in ROWS[: len(values)]]
    for row, value in zip(rows, values, strict=True):
        row[column] = f'"{value}"' if "," in value else value
    return table(*map(",".join, rows))


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode())


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return buffer.getvalue()


def parquet(**columns: list) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


GOOD = table(*ROWS)
SEMICOLONS = GOOD.replace(",", ";")
ACCENTS = table(*ROWS[:2], "1003,2024-01-03 10:00,3.50,é@example.com,completed")
JSON = '{"id": "1", "at": "2024-01-01", "total": 2.5, "mail": null, "status": "completed"}\n'
ID, AT, TOTAL, MAIL, STATUS = range(5)


@dataclass(frozen=True)
class Case:
    """A file, and what the one line that complains about it says; or how many rows of it fit."""

    what: str
    content: str | bytes
    says: tuple[str, ...] = ()
    fits: int | None = None
    file: str = "orders.csv"


BROKEN = [
    # --- the file as a whole
    Case("empty", "", ("orders.csv: The file is empty", "Deliver the file again, with at least its header line")),
    Case("a ZIP archive", archive(), ("orders.csv: The file is not a text file but a ZIP archive", "Set read.format")),
    Case("binary", bytes(range(256)) * 20, ("orders.csv: The file is binary", "Export the data as CSV")),
    Case(
        "a truncated gzip file",
        zipped(table(*(ROWS * 200)))[:-200],
        ("orders.csv.gz: The file is incomplete: the compressed data ends too early", "Deliver it again, whole"),
        file="orders.csv.gz",
    ),
    Case(
        "a damaged gzip file",
        b"\x1f\x8b\x08\x00garbage",
        ("orders.csv.gz: The file cannot be unpacked", "Deliver the file again"),
        file="orders.csv.gz",
    ),
    Case("no format in its name", GOOD, ("orders.dat: The suffix", "Set read.format to one of"), file="orders.dat"),
    Case(
        "a broken Parquet file", "PAR1", ("orders.parquet: The file cannot be read as Parquet",), file="orders.parquet"
    ),
    # --- delimiter, encoding, header
    Case(
        "another delimiter",
        SEMICOLONS,
        (
            "orders.csv, line 1: The columns are divided by ';', not by ','",
            "Write `read: {delimiter: ;}` in the source shop",
        ),
    ),
    Case("tabs", GOOD.replace(",", "\t"), ("orders.csv, line 1: The columns are divided by tabs", 'delimiter: "\\t"')),
    Case(
        "Latin-1",
        ACCENTS.encode("latin-1"),
        ("orders.csv, line 1: The file is not in utf-8; it looks like cp1252", "Write `read: {encoding: cp1252}`"),
    ),
    Case(
        "Chinese in GB 18030",
        table(*ROWS[:2], "1003,2024-01-03 10:00,3.50,王小明@example.com,completed").encode("gb18030"),
        ("orders.csv, line 1: The file is not in utf-8; it looks like gb18030", "Write `read: {encoding: gb18030}`"),
    ),
    Case(
        "a wrong byte among UTF-8",
        table(*ROWS[:2]).encode() + "1003,2024-01-03,3.50,éèüß@example.com,".encode() + b"\xff\n",
        ("orders.csv, line 4: bytes that are not of the file's encoding", "Set read.encoding"),
    ),
    Case(
        "UTF-16",
        GOOD.encode("utf-16"),
        ("orders.csv, line 1: The file is not in utf-8; it looks like utf-16", "Write `read: {encoding: utf-16}`"),
    ),
    Case(
        "a column missing",
        GOOD.replace(",total,", ",weight,"),
        (
            "orders.csv, line 1, total_amount: The file has no column 'total'. It has: id, at, weight",
            "Deliver the file with it",
        ),
    ),
    Case(
        "a column misspelt",
        GOOD.replace(",total,", ",Totl,"),
        (
            "orders.csv, line 1, total_amount: The file has no column 'total'",
            "Write `total_amount: Totl` in the source shop",
        ),
    ),
    Case(
        "a column twice",
        GOOD.replace(",mail,", ",at,"),
        ("orders.csv, line 1, ordered_at: The column 'at' is there more than once", "Give each column its own name"),
    ),
    Case(
        "no header",
        table(*ROWS[1:], header=ROWS[0]),
        ("orders.csv, line 1: This line is no header", "with a header line"),
    ),
    Case(
        "a title above the header",
        "Orders of January\n\n" + GOOD,
        ("orders.csv, line 1: The header looks to be in line 3", "Write `read: {header_row: 3}` in the source shop"),
    ),
    Case(
        "the header repeated",
        table(*ROWS[:2], HEADER, *ROWS[2:]),
        ("orders.csv, line 4: The line repeats the header", "Remove it from the file"),
    ),
    # --- rows
    Case(
        "a row too short", table(ROWS[0], "1002,2024-01-02"), ("orders.csv, line 3: 2 fields where the header has 5",)
    ),
    Case(
        "a row too long",
        table(ROWS[0], ROWS[1] + ",x"),
        ("orders.csv, line 3: 6 fields where the header has 5", "Quote values that contain the delimiter"),
    ),
    Case(
        "a quote never closed",
        table(ROWS[0], '1002,"2024-01-02,1,,', *ROWS[2:]),
        ("orders.csv, line 3: a quote is opened and never closed", "Close the quote"),
    ),
    Case(
        "text behind a closing quote",
        table(ROWS[0], '1002,2024-01-02,1,"b"c@example.com,'),
        ("orders.csv, line 3: a quoted value goes on after its closing quote", "Double each quote"),
    ),
    Case(
        "a NUL byte",
        table(ROWS[0], ROWS[1].replace("completed", "comp\0leted")),
        ("orders.csv, line 3: a NUL character",),
    ),
    Case(
        "a very long line",
        table(ROWS[0], "1002,2024-01-02,1," + "x" * 4_100_000 + ","),
        ("orders.csv, line 3: the line is longer than 4,000,000 characters", "Check the line ends"),
    ),
    # --- values
    Case(
        "dates with the day first",
        with_values(AT, "13/01/2024 10:00", "02/01/2024 10:00"),
        (
            "orders.csv, line 2, ordered_at: cannot be read as a time in 2 rows: '13/01/2024 10:00', '02/01",
            "Write `ordered_at: {from: at, format: '%d/%m/%Y %H:%M'}` in the source shop",
        ),
    ),
    Case(
        "dates with the month first",
        with_values(AT, "01/13/2024", "01/02/2024"),
        ("orders.csv, line 2, ordered_at", "Write `ordered_at: {from: at, format: '%m/%d/%Y'}`"),
    ),
    Case(
        "dates that may be either",
        with_values(AT, "01/02/2024", "03/04/2024"),
        ("orders.csv, line 2, ordered_at", "day and month cannot be told apart: %d/%m/%Y or %m/%d/%Y"),
    ),
    Case(
        "dates of both kinds",
        with_values(AT, "13/01/2024", "01/14/2024", "02/01/2024"),
        ("orders.csv, line 2, ordered_at", "some have the day first (%d/%m/%Y) and some the month (%m/%d/%Y)"),
    ),
    Case(
        "dates in two formats",
        with_values(AT, "2024-01-13", "13.01.2024", "14.01.2024"),
        ("orders.csv, line 3, ordered_at", "not all values are written alike (%d.%m.%Y, and ISO 8601)"),
    ),
    Case(
        "a day that does not exist",
        with_values(AT, "2024-02-28", "2024-02-30"),
        ("orders.csv, line 3, ordered_at: cannot be read as a time: '2024-02-30'", "or correct the value"),
    ),
    Case(
        "a day to come",
        with_values(AT, "2024-02-28", "2099-01-01"),
        ("line 3: 1 of its 2 rows are dated later than the time of the run", "the clock of this machine"),
    ),
    Case(
        "a comma that may divide thousands",
        with_values(TOTAL, "1,234", "2,500"),
        (
            "orders.csv, line 2, total_amount: may be two numbers",
            "Write `total_amount: {from: total, decimal: .}` in the source shop. But 1,234 may be a thousand",
        ),
    ),
    Case(
        "credits",
        with_values(TOTAL, "10.00", "12.75 CR"),
        ("orders.csv, line 3, total_amount: is marked CR or DR", "Write `total_amount: {from: total, negative: CR}`"),
    ),
    Case(
        "one other currency",
        with_values(TOTAL, "€1.50", "€12.75"),
        ("orders.csv, line 2, total_amount: is in another currency", "Write `currency: {value: EUR}`", "(now GBP)"),
    ),
    Case(
        "two currencies",
        with_values(TOTAL, "£1.50", "$12.75"),
        ("orders.csv, line 3, total_amount: is in another currency", "when contains(\"total\", ''$'') then ''USD''"),
    ),
    Case(
        "percent signs",
        with_values(TOTAL, "5%", "7.5%"),
        (
            "orders.csv, line 2, total_amount: cannot be read as a number",
            "a percentage is kept as it is: 5 % becomes 5",
        ),
    ),
    Case(
        "units",
        with_values(TOTAL, "1.5 kg", "2 kg"),
        ("orders.csv, line 2, total_amount: cannot be read as a number", 'replace("total"'),
    ),
    Case(
        "words for nothing",
        with_values(TOTAL, "1.50", "NULL", "N/A", "-"),
        (
            "orders.csv, line 3, total_amount: cannot be read",
            "in 3 rows: ",
            "Write `read: {null_values: ['-', N/A, 'NULL']}`",
        ),
    ),
    Case(
        "an unknown status",
        with_values(STATUS, "completed", "lost"),
        (
            "orders.csv, line 3, status: is not one of the allowed values: 'lost'",
            "Map it to one of completed, cancelled",
        ),
    ),
    Case(
        "a key left out",
        with_values(ID, "1001", ""),
        ("orders.csv, line 3, order_id: is empty, and it is required", "Fill 'id'"),
    ),
    Case(
        "ids rounded by a spreadsheet",
        with_values(ID, "1.23E+12", "4.56E+12"),
        ("orders.csv, line 2, order_id: a spreadsheet program has rounded the number", "Export 'id' as text"),
    ),
    # --- JSON and Parquet
    Case(
        "a broken JSON line", JSON + '{"id": "2",\n', ("orders.jsonl, line 2: not a JSON object",), file="orders.jsonl"
    ),
    Case(
        "a JSON line that is an array",
        JSON + "[1, 2]\n",
        ("orders.jsonl, line 2: not a JSON object",),
        file="orders.jsonl",
    ),
    Case(
        "a JSON array named JSON lines",
        f"[{JSON}]",
        ("orders.jsonl: The file is one JSON array, not JSON lines", "Set read.format to json"),
        file="orders.jsonl",
    ),
    Case(
        "JSON lines without a required key",
        JSON.replace('"id"', '"ident"'),
        ("orders.jsonl: No line of the file has the key 'id' (mapped to order_id)", "correct columns.order_id"),
        file="orders.jsonl",
    ),
    Case(
        "Parquet with other types",
        parquet(id=[1, 2], at=[45_000, 45_001], total=["1.5", "x"], mail=["", ""], status=["completed"] * 2),
        ("orders.parquet, line 1, ordered_at: cannot be read as a time in 2 rows: '45000'", "format: excel"),
        file="orders.parquet",
    ),
    Case(
        "Parquet without a column",
        parquet(id=[1], total=[1.5], mail=[""], status=["completed"]),
        ("orders.parquet", "ordered_at: The file has no column 'at'"),
        file="orders.parquet",
    ),
]

SOUND = [
    Case("a byte order mark inside the header", GOOD.replace(",at,", ",\ufeffat,"), fits=5),
    Case("a byte order mark", b"\xef\xbb\xbf" + GOOD.encode(), fits=5),
    Case("carriage returns for line ends", table(*ROWS, end="\r"), fits=5),
    Case("line ends of both kinds", table(*ROWS[:3], end="\r\n") + "\n".join(ROWS[3:]), fits=5),
    Case("blank lines", GOOD.replace("\n", "\n\n"), fits=5),
    Case("blanks around the names of columns", table(*ROWS, header=" id , at,total ,mail, status "), fits=5),
    Case("a line end inside quotes", table(ROWS[0], '1002,2024-01-02,1,"b\nc@example.com",'), fits=2),
    Case("gzip named .csv", zipped(GOOD), fits=5),
    Case("plain text named .gz", GOOD, fits=5, file="orders.csv.gz"),
    Case("a delimiter at the end of each line", table(*(row + "," for row in ROWS), header=HEADER + ","), fits=5),
    Case("a delimiter at the end of each row only", table(*(row + "," for row in ROWS)), fits=5),
    Case("decimal commas", with_values(TOTAL, "1,50", "12,75"), fits=2),
    Case("thousands separators", with_values(TOTAL, "1,234.50", "1,234"), fits=2),
    Case("signs of the business currency", with_values(TOTAL, "£1.50", "(£12.75)", "1.00 GBP"), fits=3),
    Case("a header and no rows", HEADER + "\n", fits=0),
    Case("more columns than are mapped", table(*(row + ",x" for row in ROWS), header=HEADER + ",note"), fits=5),
    Case("a JSON document", f"[{JSON.strip()}]", fits=1, file="orders.json"),
]


def look(shop) -> tuple[Check, list[str]]:
    check = check_sources(shop.dataset, RUN_TIME)
    return check, [line for line in render(check).splitlines() if line.startswith(("stops ", "quarantine ", "look "))]


def test_the_list_of_broken_files_is_long_enough():
    assert len(BROKEN) >= 30


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.what)
def test_a_broken_file_is_named_with_its_place_and_a_remedy(shop, case):
    shop.deliver(case.file, case.content)
    check, problems = look(shop)
    assert not check.is_fine
    assert any(all(words in problem for words in case.says) for problem in problems), "\n".join(problems)


@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.what)
def test_what_is_no_fault_loads_right(shop, case):
    shop.deliver(case.file, case.content)
    check, problems = look(shop)
    assert problems == []
    assert check.sources[0].rows_loaded == case.fits


@pytest.mark.parametrize("case", [*BROKEN, *SOUND], ids=lambda case: case.what)
def test_a_run_finds_the_same_rows_to_fit(shop, case):
    shop.deliver(case.file, case.content)
    looked = sum(source.rows_loaded for source in check_sources(shop.dataset, RUN_TIME).sources)
    shop.load(RUN_TIME)
    assert shop.entry(case.file).rows_loaded == looked


def test_a_file_of_letters_read_in_the_wrong_encoding_is_named_though_it_loads(shop):
    shop.configure(ORDERS | {"read": {"encoding": "cp1252"}})
    shop.deliver("orders.csv", ACCENTS)
    _, problems = look(shop)
    assert "The file is not in cp1252; it looks like utf-8" in problems[0]
    assert "Write `read: {encoding: utf-8}`" in problems[0]


def test_a_header_line_that_was_set_by_hand_is_believed(shop):
    shop.configure(ORDERS | {"read": {"header_row": 2}})
    shop.deliver("orders.csv", "Orders,of,January,all,shops\n" + GOOD)
    check, problems = look(shop)
    assert problems == []
    assert check.sources[0].rows_loaded == 5


def test_a_folder_that_a_pattern_takes_is_named(shop):
    (shop.settings.dataset_folder / "landing" / "orders.csv").mkdir(parents=True)
    _, problems = look(shop)
    assert "orders.csv: It is a folder, not a file. Correct the pattern `files`" in problems[0]


def test_a_file_of_another_source_is_recognised_by_its_columns(shop):
    goods = {
        "name": "goods",
        "channel": "products",
        "files": "landing/goods*",
        "columns": {"product_id": "sku", "brand": "maker"},
    }
    shop.configure(ORDERS, goods)
    shop.deliver("goods.csv", "sku,maker\n1,Acme\n")
    shop.deliver("orders.csv", "sku,maker\n1,Acme\n")
    _, problems = look(shop)
    assert len(problems) == 1
    assert (
        "orders.csv, line 1: The columns are those of the source goods, not those of shop. Correct `files`"
        in problems[0]
    )


def test_codes_that_have_lost_their_leading_zeros_are_noted(shop):
    people = {"name": "people", "channel": "customers", "files": "landing/p*"}
    shop.configure(people | {"columns": {"customer_id": "id", "postal_code": "zip"}})
    shop.deliver("people.csv", "id,zip\n1,10115\n2,1067\n3,80331\n")
    check, problems = look(shop)
    assert problems == []
    assert "leading zeros may be lost" in check.sources[0].notes[0]


def test_files_and_sources_that_do_not_meet_are_named(shop):
    twin = ORDERS | {"name": "twin"}
    lines = {"name": "lines", "channel": "order_lines", "files": "landing/orders.csv"}
    lines |= {"columns": {"order_id": "id", "quantity": {"value": 1}}}
    shop.configure(ORDERS, twin, lines, ORDERS | {"name": "gone", "files": "landing/none*"})
    shop.deliver("orders.csv", GOOD)
    shop.deliver("left_over.csv", GOOD)
    check = check_sources(shop.dataset, RUN_TIME)
    assert any("Source gone: no file matches 'landing/none*'" in problem for problem in check.problems)
    assert any("landing/orders.csv: the sources shop, twin, lines take it" in problem for problem in check.problems)
    assert any("landing/left_over.csv: no source takes it" in note for note in check.notes)


def test_lines_without_a_price_are_a_problem_though_their_headers_have_totals(shop):
    lines = {"name": "lines", "system": "shop", "channel": "order_lines", "files": "landing/orders.csv"}
    shop.configure(ORDERS, lines | {"columns": {"order_id": "id", "quantity": {"value": 1}}})
    shop.deliver("orders.csv", GOOD)
    (problem,) = check_sources(shop.dataset, RUN_TIME).problems
    assert problem.startswith("Source lines: no line has a price, so that its orders would bring 0")


def test_one_file_may_feed_two_channels(shop):
    lines = {"name": "lines", "channel": "order_lines", "files": "landing/orders.csv"}
    shop.configure(ORDERS, lines | {"columns": {"order_id": "id", "quantity": {"value": 1}, "unit_price": "total"}})
    shop.deliver("orders.csv", GOOD)
    check = check_sources(shop.dataset, RUN_TIME)
    assert check.is_fine
    assert check.notes == ["landing/orders.csv feeds 2 channels: shop, lines."]


def test_the_table_shows_what_maps_and_no_personal_data(shop):
    shop.deliver("orders.csv", GOOD)
    report = render(check_sources(shop.dataset, RUN_TIME))
    rows = {line.split()[0]: line.split() for line in report.splitlines() if line.startswith("  ")}
    assert rows["order_id"] == ["order_id", "*", "id", "string", "100%", "1001"]
    assert rows["email"] == ["email", "mail", "string", "100%", "a9@aaaaaaa.aaa"]
    assert "example.com" not in report


def test_missing_columns_are_marked_in_the_table(shop):
    shop.deliver("orders.csv", GOOD.replace(",total,mail,", ",weight,post,"))
    report = render(check_sources(shop.dataset, RUN_TIME))
    assert [line.split()[0] for line in report.splitlines() if " missing" in line] == ["email", "total_amount"]


@pytest.mark.parametrize(("file", "zip_it"), [("orders.csv", False), ("orders.csv.gz", True)])
def test_of_a_big_file_only_the_first_rows_are_read(shop, file, zip_it):
    rows = [f"{n},2024-01-01,1.00,a@example.com," for n in range(1, 5001)]
    rows[2000] = "2001,never,1.00,,"
    text = table(*rows)
    shop.deliver(file, zipped(text) if zip_it else text)
    check = check_sources(shop.dataset, RUN_TIME)
    assert check.is_fine
    assert check.sources[0].files == {f"landing/{file}": 1000}


def test_the_first_rows_end_with_a_whole_row(shop):
    rows = [f'{n},2024-01-01,1.00,"a\n\n@example.com",' for n in range(1, 2001)]
    shop.deliver("orders.csv", table(*rows))
    check = check_sources(shop.dataset, RUN_TIME)
    assert check.is_fine
    assert check.sources[0].rows_loaded == 1000


def test_it_writes_nothing_and_its_exit_code_tells(shop, monkeypatch):
    shop.deliver("orders.csv", GOOD)
    monkeypatch.setenv("CRM_DATA_ROOT", str(shop.settings.data_root))
    monkeypatch.setenv("CRM_STATE_ROOT", str(shop.settings.state_root))
    before = {path: path.stat().st_mtime_ns for path in shop.settings.data_root.rglob("*")}
    fine = CliRunner().invoke(app, ["check-sources", "--dataset", "shop"])
    assert (fine.exit_code, "all fine" in fine.output) == (0, True)
    assert {path: path.stat().st_mtime_ns for path in shop.settings.data_root.rglob("*")} == before
    assert not shop.settings.state_root.exists()
    shop.deliver("orders.csv", SEMICOLONS)
    assert CliRunner().invoke(app, ["check-sources", "--dataset", "shop"]).exit_code == 1


def test_an_unclosed_quote_does_not_hide_behind_the_end_of_the_first_rows(shop):
    text = "x" * 1_100
    rows = [f"{n},2024-01-01,1.00,a@example.com,,{text}" for n in range(1, 9001)]
    rows[4] = '5,2024-01-01,1.00,"a@example.com,,'
    shop.deliver("orders.csv", table(*rows, header=HEADER + ",note"))
    _, problems = look(shop)
    assert "orders.csv, line 6: a quote is opened and never closed" in problems[0]


def test_of_a_file_with_long_rows_only_whole_ones_are_read(shop):
    text = "x" * 300_000
    rows = [f"{n},2024-01-01,1.00,a@example.com,,{text}" for n in range(1, 61)]
    shop.deliver("orders.csv", table(*rows, header=HEADER + ",note"))
    check = check_sources(shop.dataset, RUN_TIME)
    assert check.is_fine
    assert 0 < check.sources[0].rows_loaded < 60


def test_each_finding_is_shown_once_with_the_count_of_each_value(shop):
    shop.deliver("orders_1.csv", with_values(STATUS, "lost", "gone", "completed", "lost", "completed"))
    shop.deliver("orders_2.csv", with_values(STATUS, "completed", "completed", "lost", "completed", "completed"))
    _, (problem,) = look(shop)
    assert problem.startswith("stops       landing/orders_1.csv and 1 more, line 2, status: ")
    assert "is not one of the allowed values in 4 rows: 'lost' (3 times), 'gone'. " in problem


def test_what_stops_a_run_comes_first(shop):
    shop.deliver("orders_1.csv", with_values(STATUS, "lost", *["completed"] * 4))
    shop.deliver("orders_2.csv", GOOD.replace(",total,", ",weight,"))
    shop.deliver("orders_3.csv", with_values(AT, *["13/01/2024"] * 5))
    shop.deliver("orders_4.csv", with_values(ID, *["1.23E+12"] * 5))
    shop.deliver("left_over.csv", GOOD)
    report = render(check_sources(shop.dataset, RUN_TIME)).splitlines()
    words = [line.split()[0] for line in report[report.index("") + 1 :]]
    assert words == ["stops", "stops", "quarantine", "look", "note", "4"]
    assert report[-1] == "4 problems: 2 stops a run, 1 leaves rows out, 1 loads, and may be wrong"


def test_the_json_says_the_same_and_quotes_nobody(shop, monkeypatch):
    shop.deliver("orders_1.csv", with_values(STATUS, "lost", "completed", "completed"))
    shop.deliver("orders_2.csv", with_values(MAIL, "ann@example.com", "no address at all", "bob"))
    monkeypatch.setenv("CRM_DATA_ROOT", str(shop.settings.data_root))
    monkeypatch.setenv("CRM_STATE_ROOT", str(shop.settings.state_root))
    printed = CliRunner().invoke(app, ["check-sources", "--dataset", "shop", "--json"])
    said = json.loads(printed.output)
    assert (printed.exit_code, said["is_fine"]) == (1, False)
    (source,) = said["sources"]
    assert source["files"] == [{"file": "landing/orders_1.csv", "rows": 3}, {"file": "landing/orders_2.csv", "rows": 3}]
    assert source["columns"][0] == {
        "column": "order_id",
        "from": ["id"],
        "type": "string",
        "required": True,
        "missing": False,
        "filled": source["rows_loaded"],
    }
    (finding,) = [finding for finding in said["findings"] if finding["column"] == "status"]
    assert (finding["level"], finding["values"]) == ("quarantine", [{"value": "lost", "rows": 1}])
    assert "example.com" not in printed.output
    assert "bob" not in printed.output


def test_the_page_describes_every_key_of_the_json(shop):
    shop.deliver("orders.csv", with_values(STATUS, "lost", "completed", "completed"))
    page = (PROJECT / "docs" / "check_sources.md").read_text()

    def keys(value):
        if isinstance(value, dict):
            return {*value, *(key for inner in value.values() for key in keys(inner))}
        return {key for inner in value for key in keys(inner)} if isinstance(value, list) else set()

    said = as_json(check_sources(shop.dataset, RUN_TIME))
    assert [key for key in sorted(keys(said)) if not re.search(rf"[`.]{key}\b", page)] == []
