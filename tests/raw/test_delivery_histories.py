"""Whatever is delivered in whatever order, loading file by file leaves what loading all of it at once leaves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.raw.conftest import Shop

START = datetime(2024, 1, 1, 12, tzinfo=UTC)
IDS = st.sampled_from(["1", "2", "3", "4", ""])
"""An empty id makes a row of which nobody can tell whose it is."""
DAYS = st.sampled_from(["2023-12-01", "2023-12-02", "2024-01-03", "2024-01-05", "soon"])
"""Some of them are later than some runs, and one is no date."""
KINDS = st.sampled_from(["", "", "", "gone", "test"])
ROWS = st.lists(st.tuples(IDS, DAYS, KINDS), max_size=5)
SOURCES = {
    "orders": {"order_id": "id", "ordered_at": "at", "total_amount": "n"},
    "customers": {"customer_id": "id", "updated_at": "at", "city": "n"},
    "order_lines": {"order_id": "id", "ordered_at": "at", "quantity": "n", "product_id": {"sql": "id || n"}},
}


def source(channel: str, delivery: str) -> dict:
    keys = {"where": "kind is distinct from 'test'", "deleted_when": "kind = 'gone'", "delivery": delivery}
    return {"name": "s", "channel": channel, "files": "landing/*.csv", "columns": SOURCES[channel]} | keys


def deliver(shop: Shop, number: int, rows: list[tuple[str, str, str]]) -> None:
    lines = "".join(f"{one},{day},{kind},{number}{place}\n" for place, (one, day, kind) in enumerate(rows))
    shop.deliver(f"{number:02}.csv", "id,at,kind,n\n" + lines)


def current(shop: Shop, channel: str) -> list[tuple]:
    names = [name for name in SOURCES[channel] if name != "product_id"]
    files = f"read_parquet('{shop.version()}/{channel}/*.parquet')"
    return shop.query(f"select {', '.join(names)}, _delivery, _line from {files} order by all")


#: The third delivery lacks what waits in the first; the fourth cannot tell who is gone.
WAITS_WHILE_IT_GOES = [
    [("1", "2024-01-05", "")],
    [("1", "2023-12-01", "")],
    [("2", "2023-12-01", "")],
    [("", "2023-12-01", ""), ("2", "2023-12-01", "")],
]


@pytest.mark.parametrize("delivery", ["changes", "full"])
@pytest.mark.parametrize("channel", SOURCES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(ROWS, min_size=2, max_size=4))
@example(WAITS_WHILE_IT_GOES)
def test_any_history_leaves_the_rows_of_a_rebuild(tmp_path_factory, channel, delivery, history):
    shop, rebuilt = (Shop(tmp_path_factory.mktemp(name)) for name in ("one_by_one", "at_once"))
    for one in (shop, rebuilt):
        one.configure(source(channel, delivery))
    for number, rows in enumerate(history):
        deliver(shop, number, rows)
        deliver(rebuilt, number, rows)
        shop.load(START + timedelta(days=number))
    end = START + timedelta(days=30)
    shop.load(end)
    rebuilt.load(end)
    assert current(shop, channel) == current(rebuilt, channel)
    figures = [[(entry.file, entry.rows_read, entry.rows_loaded) for entry in one.ledger()] for one in (shop, rebuilt)]
    assert figures[0] == figures[1]
    assert shop.load(end).changed is False
