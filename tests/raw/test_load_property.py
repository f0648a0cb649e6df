"""Whatever a file holds, its rows add up."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raw.conftest import Shop

HEADER = b"id,at,total,mail,status\n"
CELLS = st.sampled_from(
    ["", "1", "2", "x", "2024-01-01", "2030-01-01", "completed", "a\nb", 'say "hi"', "ü", " ", "1e999", "'", ";"]
)
CLEAN_ROWS = st.lists(st.lists(CELLS, min_size=5, max_size=5), max_size=12)
DIRT = st.sampled_from(
    [b"", b"\n", b",,,,\n", b'"', b'1,"2\n', b"\xff\xfe\n", b"1,2024-01-01,1,,\n", b"\r", b"a,b\n", b"\0", b'""""\n']
)


def written(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(DIRT, CLEAN_ROWS.map(written), st.binary(max_size=30)), max_size=8))
def test_every_row_of_a_dirty_file_is_accounted_for(tmp_path_factory, pieces):
    shop = Shop(tmp_path_factory.mktemp("dirty"))
    shop.deliver("orders.csv", HEADER + b"".join(pieces))
    shop.load()  # compares the ledger with the stored rows
    entry = shop.entry("orders.csv")
    stored = {line for (line,) in shop.query("select _line from {orders}")}
    quarantined = {line for (line,) in shop.query("select distinct line from {quarantine}")}
    assert not stored & quarantined
    assert entry.rows_read == len(stored) + len(
        quarantined - {None}
    ) + entry.rows_duplicate + entry.rows_superseded or (entry.outcome == "refused")


@settings(max_examples=40, deadline=None)
@given(CLEAN_ROWS)
def test_a_well_formed_file_has_as_many_rows_as_pythons_reader_finds(tmp_path_factory, rows):
    shop = Shop(tmp_path_factory.mktemp("clean"))
    content = HEADER + written(rows)
    shop.deliver("orders.csv", content)
    shop.load()
    reader = csv.reader(io.StringIO(content.decode(), newline=""))
    next(reader)
    lines, start = {}, 2
    for row in reader:
        lines[start] = row
        start = reader.line_num + 1
    assert shop.entry("orders.csv").rows_read == len(lines)
    stored = shop.query("select _line, order_id from {orders}")
    assert all((lines[line][0].strip() or None) == order_id for line, order_id in stored)
