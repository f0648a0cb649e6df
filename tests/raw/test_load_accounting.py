"""Every kind of dirt that a file can hold: each row is loaded, or quarantined with its line and a reason."""

import gzip
import json

import pytest

from crm_pipeline.storage.lake import DamagedFileError

HEADER = "id,at,total,mail,status\n"
GOOD = "1,2024-01-01 10:00,10.00,a@example.com,completed\n"


def test_a_clean_file_is_loaded_with_its_line_numbers(shop):
    shop.deliver("orders.csv", HEADER + GOOD + "2,2024-01-02 11:30:15,20.5,,\n")
    report = shop.load()
    assert report.changed
    assert (report.channels["orders"].current, report.channels["orders"].new) == (2, 2)
    rows = shop.query(
        "select order_id, ordered_at::varchar, total_amount::varchar, status, _line, _file from {orders} order by 1"
    )
    assert rows == [
        ("1", "2024-01-01 10:00:00", "10.0000", "completed", 2, "landing/orders.csv"),
        ("2", "2024-01-02 11:30:15", "20.5000", None, 3, "landing/orders.csv"),
    ]


def test_channels_without_files_are_empty_tables(shop):
    shop.load()
    for channel in ("customers", "orders", "order_lines", "products", "quarantine"):
        assert shop.query(f"select count(*) from {{{channel}}}") == [(0,)]


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        (",2024-01-01,1,,", "order_id", "is empty, and it is required"),
        ("2,,1,,", "ordered_at", "is empty, and it is required"),
        ("2,yesterday,1,,", "ordered_at", "cannot be read as a time: 'yesterday'"),
        ("2,2024-02-30,1,,", "ordered_at", "cannot be read as a time: '2024-02-30'"),
        ("2,infinity,1,,", "ordered_at", "cannot be read as a time: 'infinity'"),
        ("2,2024-01-01,1x,,", "total_amount", "cannot be read as a number (DECIMAL(18,4)): '1x'"),
        ("2,2024-01-01,nan,,", "total_amount", "cannot be read as a number (DECIMAL(18,4)): 'nan'"),
        ('2,2024-01-01,"1.2.3",,', "total_amount", "cannot be read as a number (DECIMAL(18,4)): '1.2.3'"),
        ("2,2024-01-01,1,,lost", "status", "is not one of the allowed values: 'lost'"),
        ("2,1969-12-31,1,,", "ordered_at", "is below the minimum 1970-01-01: '1969-12-31'"),
    ],
)
def test_a_value_that_does_not_fit_is_quarantined_with_line_and_reason(shop, row, column, problem):
    shop.deliver("orders.csv", HEADER + GOOD + row + "\n")
    shop.load()
    assert shop.quarantine() == [(3, column, problem)]
    entry = shop.entry("orders.csv")
    assert (entry.rows_read, entry.rows_loaded, entry.rows_quarantined) == (2, 1, 1)


def test_two_problems_in_a_row_are_two_entries_of_one_quarantined_row(shop):
    shop.deliver("orders.csv", HEADER + GOOD + "2,soon,much,,\n")
    shop.load()
    assert [(line, column) for line, column, _ in shop.quarantine()] == [(3, "ordered_at"), (3, "total_amount")]
    assert shop.entry("orders.csv").rows_quarantined == 1


@pytest.mark.parametrize(
    ("content", "lines_loaded", "quarantined"),
    [
        ("2,2024-01-01,1,,\n\n\n3,2024-01-01,1,,\n", [2, 3, 6], []),
        ("2,2024-01-01,1\n3,2024-01-01,1,,\n", [2, 4], [(3, "3 fields where the header has 5")]),
        ("2,2024-01-01,1,,,9\n3,2024-01-01,1,,\n", [2, 4], [(3, "6 fields where the header has 5")]),
        ('2,2024-01-01,1,"a\nb",\n3,2024-01-01,1,,\n', [2, 3, 5], []),
        ('2,2024-01-01,1,"ab,\n3,2024-01-01,1,,\n', [2, 4], [(3, "a quote is opened and never closed")]),
        ('2,2024-01-01,1,"ab"c,\n3,2024-01-01,1,,\n', [2, 4], [(3, "a quoted value goes on after its closing quote")]),
        (
            '2,2024-01-01,1,"ab,\n3,2024-01-01,1,"x",\n4,2024-01-01,1,,\n',
            [2, 4, 5],
            [(3, "a quoted value goes on after its closing quote")],
        ),
        ("2,2024-01-01,1,,\r\n3,2024-01-01,1,,\r\n", [2, 3, 4], []),
        ("2,2024-01-01,1,,\n3,2024-01-01,1,,", [2, 3, 4], []),
        ('2,2024-01-01,1,5" pipe,\n3,2024-01-01,1,,\n', [2, 3, 4], []),
        ("2,2024-01-01,1,a\0b,\n3,2024-01-01,1,,\n", [2, 4], [(3, "a NUL character in the line")]),
    ],
    ids=["blank", "short", "long", "newline", "open", "after", "open-later", "crlf", "no-end", "inch", "nul"],
)
def test_a_bad_row_costs_one_row_and_line_numbers_stay_right(shop, content, lines_loaded, quarantined):
    shop.deliver("orders.csv", HEADER + GOOD + content)
    shop.load()
    assert [(line, problem) for line, _, problem in shop.quarantine()] == quarantined
    assert [line for (line,) in shop.query("select _line from {orders} order by 1")] == lines_loaded


def test_bytes_of_another_encoding_cost_their_row_only(shop):
    shop.deliver("orders.csv", HEADER.encode() + GOOD.encode() + b"2,2024-01-01,1,m\xfcller,\n3,2024-01-01,1,,\n")
    shop.load()
    assert shop.quarantine() == [(3, None, "bytes that are not of the file's encoding")]
    assert shop.entry("orders.csv").rows_loaded == 2


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "latin-1", "utf-8-sig"])
def test_a_stated_encoding_is_obeyed(shop, encoding):
    shop.configure(orders_source(read={"encoding": encoding}))
    shop.deliver("orders.csv", (HEADER + "2,2024-01-01,1,müller,\n").encode(encoding))
    shop.load()
    assert shop.query("select email, _line from {orders}") == [("müller", 2)]


def test_a_byte_order_mark_is_no_part_of_the_first_column(shop):
    shop.deliver("orders.csv", b"\xef\xbb\xbf" + (HEADER + GOOD).encode())
    shop.load()
    assert shop.entry("orders.csv").rows_loaded == 1


def test_a_gzip_file_is_read_like_a_plain_one(shop):
    shop.deliver("orders.csv.gz", HEADER + GOOD, zipped=True)
    shop.load()
    assert shop.query("select order_id, _line from {orders}") == [("1", 2)]


def test_a_truncated_archive_is_refused_whole(shop):
    rows = "".join(f"{n},2024-01-01,{n}.{n % 97:02},{n * 7919}@example.com,\n" for n in range(20_000))
    packed = gzip.compress((HEADER + rows).encode())
    shop.deliver("orders.csv.gz", packed[: len(packed) // 2])
    shop.load()
    entry = shop.entry("orders.csv.gz")
    assert (entry.outcome, entry.rows_loaded) == ("refused", 0)
    assert "incomplete: the compressed data ends too early. Deliver it again, whole" in entry.problem


@pytest.mark.parametrize(
    ("content", "words", "rows"),
    [
        ("", "empty", 0),
        (
            "id,at,total,mail,state\n1,2024-01-01,1,,\n2,2024-01-01,1,,\n",
            "no column 'status' (mapped to status). It has: id, at, total, mail, state. Did you mean 'state'?",
            2,
        ),
        ("id;at;total;mail;status\n1;2024-01-01;1;;\n", "Set read.delimiter", 1),
        ("id,at,total,mail,status,id\n1,2024-01-01,1,,,1\n", "more than once", 1),
        ("7,2024-01-01,1,someone@example.com,\n8,2024-01-01,1,other@example.com,\n", "first line is no header", 1),
        (b"PK\x03\x04" + b"\0" * 100, "ZIP archive or an Excel workbook", 0),
        (b"\x01\x02\0\0\0\x05" * 50, "binary", 0),
        (b"\x1f\x8b\x08\x00garbage", "cannot be unpacked", 0),
        ((HEADER + GOOD).encode("utf-16"), "Set read.encoding to utf-16", None),
    ],
    ids=["empty", "column", "delimiter", "twice", "no-header", "zip", "binary", "gzip", "utf-16"],
)
def test_an_unusable_file_is_refused_and_the_others_are_loaded(shop, content, words, rows):
    shop.deliver("orders_1.csv", content)
    shop.deliver("orders_2.csv", HEADER + GOOD)
    shop.load()
    entry = shop.entry("orders_1.csv")
    assert entry.outcome == "refused"
    assert words in entry.problem
    assert "example.com" not in entry.problem
    assert rows is None or entry.rows_read == entry.rows_quarantined == rows
    assert shop.entry("orders_2.csv").rows_loaded == 1
    assert shop.load().changed is False


def test_a_folder_that_matches_the_pattern_is_refused(shop):
    (shop.settings.dataset_folder / "landing" / "orders.csv").mkdir(parents=True)
    shop.load()
    assert "a folder" in shop.entry("orders.csv").problem


def test_an_expression_that_does_not_fit_the_file_refuses_it_by_name(shop):
    columns = {"order_id": "id", "ordered_at": "at", "status": {"sql": "lower(state)"}}
    shop.configure(orders_source(columns=columns))
    shop.deliver("orders.csv", HEADER + GOOD)
    shop.load()
    assert "columns.status" in shop.entry("orders.csv").problem


def test_an_expression_that_fails_on_a_row_refuses_the_file_without_its_values(shop):
    columns = {"order_id": "id", "ordered_at": "at", "total_amount": {"sql": "mail::int"}}
    shop.configure(orders_source(columns=columns))
    shop.deliver("orders.csv", HEADER + GOOD)
    shop.load()
    entry = shop.entry("orders.csv")
    assert (entry.outcome, entry.rows_read) == ("refused", 1)
    assert "columns.total_amount" in entry.problem
    assert "example.com" not in entry.problem


def test_json_lines_are_read_by_path_and_bad_ones_quarantined(shop):
    columns = {"order_id": "id", "ordered_at": "at", "email": "customer.email", "total_amount": "total"}
    columns["status"] = {"sql": "case when cancelled = 'true' then 'cancelled' end"}
    shop.configure(orders_source(columns=columns))
    lines = [
        '{"id": 1, "at": "2024-01-01T10:00:00Z", "customer": {"email": "a@example.com"}, "total": 12.5}',
        '{"id": 2, "at": ',
        "",
        '["not", "an", "object"]',
        '{"id": "3", "at": "2024-01-01", "cancelled": true}',
    ]
    shop.deliver("orders.jsonl.gz", "\n".join(lines), zipped=True)
    shop.load()
    rows = shop.query("select order_id, email, total_amount::varchar, status, _line from {orders} order by 1")
    assert rows == [("1", "a@example.com", "12.5000", None, 1), ("3", None, None, "cancelled", 5)]
    assert shop.quarantine() == [(2, None, "not a JSON object"), (4, None, "not a JSON object")]


def test_json_lines_without_a_required_key_are_refused(shop):
    shop.deliver("orders.jsonl", '{"ident": 1, "at": "2024-01-01"}\n')
    shop.load()
    entry = shop.entry("orders.jsonl")
    assert (entry.outcome, entry.rows_read) == ("refused", 1)
    assert "has the key 'id' (mapped to order_id). The lines have: at, ident." in entry.problem


def test_parquet_is_read_with_row_numbers(shop):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {"id": [1.0, 2.0], "at": ["2024-01-01", "bad"], "total": [1.1, 2.2], "mail": ["", ""], "status": ["", ""]}
    )
    path = shop.deliver("orders.parquet", b"")
    pq.write_table(table, path)
    shop.load()
    assert shop.query("select order_id, total_amount::varchar, _line from {orders}") == [("1", "1.1000", 1)]
    assert shop.quarantine()[0][:2] == (2, "ordered_at")


def test_a_broken_parquet_file_is_refused(shop):
    shop.deliver("orders.parquet", b"PAR1 and then nothing")
    shop.load()
    assert "cannot be read as Parquet" in shop.entry("orders.parquet").problem


def test_problems_never_hold_personal_data_but_the_row_does(shop):
    source = {
        "name": "crm",
        "channel": "customers",
        "files": "landing/*.csv",
        "columns": {"customer_id": "id", "birth_date": "born"},
    }
    shop.configure(source)
    shop.deliver("c.csv", "id,born\n1,31.12.1980\n2,1980-12-31\n")
    shop.load()
    assert shop.quarantine() == [(2, "birth_date", "cannot be read as a date")]
    ((row,),) = shop.query("select row from {quarantine}")
    assert json.loads(row) == {"id": "1", "born": "31.12.1980"}


def test_a_shifted_column_does_not_leak_an_address_into_a_problem(shop):
    shop.deliver("orders.csv", HEADER + "2,2024-01-01,someone@example.com,1,\n")
    shop.load()
    assert shop.quarantine() == [(2, "total_amount", "cannot be read as a number (DECIMAL(18,4))")]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [(None, (2, 1, 0)), ("keep", (2, 0, 0)), ("drop", (2, 1, 0))],
)
def test_exact_duplicates_are_dropped_or_kept_as_asked(shop, setting, expected):
    shop.configure(orders_source(exact_duplicates=setting) if setting else orders_source())
    shop.deliver("orders.csv", HEADER + GOOD + GOOD + "2,2024-01-01,1,,\n")
    shop.load()
    entry = shop.entry("orders.csv")
    assert (entry.rows_loaded, entry.rows_duplicate) == expected[:2]
    # With a primary key a kept copy is still superseded: the last row of a key wins.
    assert entry.rows_superseded == (1 if setting == "keep" else 0)


def test_lines_are_kept_as_they_are_unless_duplicates_are_to_be_dropped(shop):
    source = {
        "name": "l",
        "channel": "order_lines",
        "files": "landing/*.csv",
        "columns": {"order_id": "o", "quantity": "q"},
    }
    shop.configure(source)
    shop.deliver("l.csv", "o,q,note\n1,1,x\n1,1,x\n1,1,y\n")
    shop.load()
    assert (shop.entry("l.csv").rows_loaded, shop.entry("l.csv").rows_duplicate_kept) == (3, 1)
    shop.configure(source | {"exact_duplicates": "drop"})
    shop.load()
    # The third row differs in a column that is not mapped: it is no copy.
    assert (shop.entry("l.csv").rows_loaded, shop.entry("l.csv").rows_duplicate) == (2, 1)


def test_the_last_row_of_a_key_wins_within_a_file(shop):
    shop.deliver("orders.csv", HEADER + GOOD + "1,2024-01-01,99,,\n")
    shop.load()
    assert shop.query("select total_amount::int, _line from {orders}") == [(99, 3)]
    assert shop.entry("orders.csv").rows_superseded == 1


def orders_source(**changes):
    columns = {"order_id": "id", "ordered_at": "at", "total_amount": "total", "email": "mail", "status": "status"}
    return {"name": "shop", "channel": "orders", "files": "landing/orders*", "columns": columns} | changes


def test_a_damaged_ledger_is_named_with_a_remedy(shop):
    shop.deliver("orders.csv", "id,at,total,mail,status\n1,2024-01-01,5,a@x.example,completed\n")
    shop.load()
    ledger = shop.version() / "ledger.parquet"
    ledger.write_bytes(b"PAR1 damaged")
    with pytest.raises(DamagedFileError, match=r"ledger\.parquet is damaged .* Remedy: restore it"):
        shop.load()
