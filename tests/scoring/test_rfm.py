"""RFM: the table of codes, quintiles, ties, and who is in."""

import csv
from collections import Counter
from itertools import product

import duckdb
import pytest

from crm_pipeline.scoring.model import UnsoundScoresError
from crm_pipeline.scoring.segmentation import rfm

NAMES = {
    "Champions": 7,
    "Loyal": 8,
    "Potential Loyalist": 24,
    "New": 7,
    "Promising": 16,
    "Need Attention": 8,
    "About to Sleep": 8,
    "At Risk": 22,
    "Cannot Lose": 8,
    "Hibernating": 11,
    "Lost": 6,
}


def buyers(rows, as_of):
    """A warehouse with (customer_key, recency_days, orders_24m, revenue_24m) at one as-of date."""
    connection = duckdb.connect()
    connection.execute("create schema features")
    connection.execute(
        "create table features.customer_features (customer_key bigint, as_of_date date, recency_days bigint, "
        "orders_24m bigint, revenue_24m decimal(18, 2))"
    )
    if rows:
        connection.executemany(
            "insert into features.customer_features values (?, ?, ?, ?, ?)", [(r[0], as_of, *r[1:]) for r in rows]
        )
    return connection


def by_key(table):
    return {row["customer_key"]: row for row in table.to_pylist()}


def test_each_of_the_125_codes_is_named_exactly_once():
    with rfm.SEGMENTS_FILE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["code"] for row in rows) == ["".join(code) for code in product("12345", repeat=3)]
    assert Counter(row["segment"] for row in rows) == NAMES


def test_known_codes_have_their_names():
    with rfm.SEGMENTS_FILE.open(encoding="utf-8") as file:
        names = {row["code"]: row["segment"] for row in csv.DictReader(file)}
    known = {"555": "Champions", "311": "New", "111": "Lost", "155": "Cannot Lose", "332": "Hibernating"}
    assert {code: names[code] for code in known} == known


def test_without_ties_each_score_goes_to_a_fifth(world):
    scores = rfm.score(buyers([(key, key, 100 - key, 1000 - key) for key in range(1, 51)], world.AS_OF), world.AS_OF)
    for score in ("r", "f", "m"):
        assert Counter(scores[score].to_pylist()) == dict.fromkeys(range(1, 6), 10)


def test_five_is_best_and_the_most_recent_buyer_has_it(world):
    scores = by_key(
        rfm.score(buyers([(key, key, 100 - key, 1000 - key) for key in range(1, 51)], world.AS_OF), world.AS_OF)
    )
    assert (scores[1]["rfm_code"], scores[1]["rfm_segment"]) == ("555", "Champions")
    assert (scores[50]["rfm_code"], scores[50]["rfm_segment"]) == ("111", "Lost")


def test_ties_share_a_score(world):
    rows = [(key, 10 if key <= 30 else key, 1 if key <= 37 else key, key % 3) for key in range(1, 51)]
    scores = rfm.score(buyers(rows, world.AS_OF), world.AS_OF).to_pylist()
    for value, score in (("recency_days", "r"), ("frequency", "f"), ("monetary", "m")):
        pairs = {(row[value], row[score]) for row in scores}
        assert len(pairs) == len({pair[0] for pair in pairs})


def test_only_buyers_of_the_last_24_months_at_the_as_of_date_are_scored(world):
    connection = buyers([(1, 5, 2, 20), (2, 900, 0, 0)], world.AS_OF)
    connection.execute("insert into features.customer_features values (3, '2020-01-31', 3, 4, 50)")
    assert rfm.score(connection, world.AS_OF)["customer_key"].to_pylist() == [1]


def test_a_code_without_a_segment_is_an_error_and_loses_nobody(world, tmp_path, monkeypatch):
    fewer = tmp_path / "codes.csv"
    fewer.write_text("".join(line for line in rfm.SEGMENTS_FILE.open(encoding="utf-8") if not line.startswith("111")))
    monkeypatch.setattr(rfm, "SEGMENTS_FILE", fewer)
    with pytest.raises(UnsoundScoresError, match=r"names no segment for the codes 111\."):
        rfm.score(buyers([(1, 5, 2, 20)], world.AS_OF), world.AS_OF)


def test_the_table_has_its_schema_also_when_empty(world, shop):
    assert rfm.score(buyers([], world.AS_OF), world.AS_OF).schema.equals(rfm.TABLE.schema)
    scores = rfm.score(shop, world.AS_OF)
    assert scores.schema.equals(rfm.TABLE.schema)
    assert scores["rfm_segment"].null_count == 0


def test_scores_are_ordered_by_customer_and_equal_for_any_number_of_threads(world, orders):
    one, four = (rfm.score(world.warehouse(orders, threads=threads), world.AS_OF) for threads in (1, 4))
    assert one.equals(four)
    assert one["customer_key"].to_pylist() == sorted(one["customer_key"].to_pylist())


@pytest.mark.parametrize("people", [1, 2, 3])
def test_a_handful_of_people_still_gets_scores_from_1_to_5(world, people):
    scores = rfm.score(buyers([(key, key, key, key) for key in range(people)], world.AS_OF), world.AS_OF)
    assert all(1 <= score <= 5 for name in ("r", "f", "m") for score in scores[name].to_pylist())
