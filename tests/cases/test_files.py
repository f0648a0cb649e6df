"""Files that are odd as files: their names, their columns' names, their encodings, archives and modes."""

import os
from datetime import UTC, datetime

import pytest

from crm_pipeline.raw.accounting import open_entries
from crm_pipeline.raw.init import write_draft
from tests.raw.another_user import another_user
from tests.raw.test_landing import settle

RUN_TIME = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "file", "rows"),
    [
        ("own_column_names_csv", "a.csv", 1),
        ("own_column_name_line_excel_jsonl", "a.jsonl", 1),
        ("pq_own_names", "a.parquet", 777),
    ],
)
def test_a_file_loads_whatever_its_columns_are_called(case, name, file, rows):
    shop = case(name)
    assert not shop.check().sources[0].complaints
    shop.load(RUN_TIME)
    entry = shop.entry(f"bad/{file}")
    assert (entry.rows_read, entry.rows_loaded, entry.rows_superseded) == (rows, rows, 0)


def test_whole_numbers_kept_as_doubles_stay_whole_and_what_is_no_number_is_missing(case):
    shop = case("pq_float_ids")
    shop.load(RUN_TIME)
    rows = shop.query("select order_id, customer_id, total_amount::int from {orders} where _source = 'bad' order by 1")
    assert rows == [("1", "1001", 1), ("2", None, 2), ("3", None, None), ("4", "100000000000000000", None)]
    assert "too large" in shop.entry("bad/a.parquet").problem


def test_a_name_with_brackets_is_a_path_and_no_pattern(case):
    shop = case("glob_csv_brackets")
    assert shop.check().is_fine
    shop.load(RUN_TIME)
    rows = shop.query("select order_id, total_amount::int from {orders} where _source = 'bad' order by 1::int")
    assert sorted(rows) == [("1", 1), ("101", 111), ("102", 111), ("2", 1)]
    assert not any(entry.rows_superseded for entry in shop.ledger() if entry.source == "bad")


def test_folders_named_like_columns_never_fill_columns(case):
    shop = case("hive_csv_total")
    assert shop.check().is_fine
    shop.load(RUN_TIME)
    rows = shop.query(
        "select distinct total_amount::int, ordered_at::date::varchar from {orders} where _source = 'bad'"
    )
    assert rows == [(10, "2026-05-01")]


def test_new_content_of_the_same_size_and_time_of_change_is_noticed(case):
    shop = case("second_delivery_same_size_mtime")
    path = shop.folder / "landing" / "bad" / "a.csv"
    settle(path)
    shop.load(RUN_TIME)
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b",99.00,", b",11.00,"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    shop.load(RUN_TIME)
    assert shop.query("select distinct total_amount::int from {orders} where _source = 'bad'") == [(11,)]


def test_a_file_that_the_user_may_not_read_is_refused_and_the_others_load(case):
    shop = case("no_permission")
    assert shop.check().is_fine
    path = shop.folder / "landing" / "bad" / "a.csv"
    path.chmod(0)
    with another_user(shop.settings.data_root.parent):
        (complaint,) = shop.check().sources[0].complaints
        assert complaint.problem == "The file may not be read by the user who runs this."
        shop.load(RUN_TIME)
        assert [entry.outcome for entry in shop.ledger()] == ["refused", "loaded", "loaded"]
        assert "chmod" in shop.entry("bad/a.csv").problem
        assert not shop.load(RUN_TIME).changed
        path.chmod(0o644)
        shop.load(RUN_TIME)
    assert shop.query("select count(*) from {orders} where _source = 'bad'") == [(5,)]
    assert all(entry.outcome == "loaded" for entry in open_entries(shop.ledger(), shop.folder))


@pytest.mark.parametrize(
    ("name", "file", "problem"),
    [
        ("gz_truncated", "a.csv.gz", "The file is incomplete: the compressed data ends too early."),
        ("xlsx_zip_entry_encrypted", "a.xlsx", "The workbook is encrypted."),
        ("idna_declared", "a.csv", "'idna' (read.encoding) is no encoding of text files."),
    ],
)
def test_a_file_that_cannot_be_read_whole_is_refused_whole_and_the_others_load(case, name, file, problem):
    shop = case(name)
    (complaint,) = shop.check().sources[0].complaints
    assert (complaint.file, complaint.problem) == (f"landing/bad/{file}", problem)
    shop.load(RUN_TIME)
    entry = shop.entry(f"bad/{file}")
    assert (entry.outcome, entry.rows_loaded, entry.problem) == ("refused", 0, f"{problem} {complaint.remedy}")
    assert shop.query("select count(*), count(*) filter (_source = 'good') from {orders}") == [(5, 5)]


def test_the_first_sheet_that_is_not_hidden_is_read(case):
    shop = case("xlsx_first_sheet_hidden")
    shop.load(RUN_TIME)
    assert shop.query("select order_id, total_amount::varchar from {orders} where _source = 'bad' order by 1") == [
        ("1", "10.5000"),
        ("2", "10.5000"),
    ]


def test_japanese_is_told_from_western_text(case):
    shop = case("encoding_cp932")
    complaint = shop.check().sources[0].complaints[0]
    assert complaint.problem.startswith("The file is not in utf-8; it looks like cp932")
    assert "encoding: cp932" in complaint.remedy
    write_draft(shop.folder, force=True)
    assert "cp932" in (shop.folder / "pipeline.yml").read_text()
    shop.load(RUN_TIME)
    assert shop.query("select distinct last_name from {customers}") == [("山田",)]


def test_the_sheet_and_the_row_of_a_header_are_named_and_what_is_written_loads(case):
    shop = case("excel_cover_and_two_headers")
    cover, two = (source.complaints for source in shop.check().sources)
    assert [complaint.remedy for complaint in (*cover, *two)] == [
        "Write `read: {sheet: Data}` in the source a.",
        "Write `read: {header_row: 2}` in the source b.",
    ]
    shop.load(RUN_TIME)
    assert "Write `read: {sheet: Data}` in the source a." in shop.entry("orders_cover.xlsx").problem
    assert "Write `read: {header_row: 2}` in the source b." in shop.entry("orders_two.xlsx").problem
    pipeline = shop.folder / "pipeline.yml"
    text = pipeline.read_text().replace("orders_cover.xlsx,", "orders_cover.xlsx, read: {sheet: Data},")
    pipeline.write_text(text.replace("orders_two.xlsx,", "orders_two.xlsx, read: {header_row: 2},"))
    assert shop.check().is_fine
    shop.load(RUN_TIME)
    assert not shop.quarantine()
    for source in "ab":
        assert shop.query(f"select count(*) > 4, min(order_id) from {{orders}} where _source = '{source}'") == [
            (True, "1001")
        ]


def test_a_first_draft_finds_the_header_of_each_workbook(case):
    shop = case("excel_cover_and_two_headers")
    text = write_draft(shop.folder, force=True).text
    assert "read: {sheet: Data}" in text
    assert "read: {header_row: 2}" in text
