"""Files that are odd as files: their names, their columns' names, their encodings, archives and modes."""

from datetime import UTC, datetime

import pytest

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
