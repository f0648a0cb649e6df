"""Pairs by probability: those that link, and those that somebody should look at."""

import numpy as np
import pytest

from crm_pipeline.identity.contradictions import load_scored
from crm_pipeline.identity.probability import to_weight
from crm_pipeline.identity.review import REVIEW_SCHEMA, probable_links, review
from tests.identity.conftest import staged

ACCEPT = 0.95
FIRST_NAMES = ["ann", "anna", "bob", None, "ann"]


def _scored(con, *scores):
    """Five records r0 to r4, whose keys run the other way round, and scores of (node, node, probability)."""
    con.execute("create temp table records as select n as node, 'r' || n as record_id, 100 - n as record_key "
                "from range(5) t(n)")  # fmt: skip
    con.execute("create temp table profiles (record_key bigint, first_name varchar, last_name varchar, "
                "first_forms varchar[], birth_date varchar)")  # fmt: skip
    for node, name in enumerate(FIRST_NAMES):
        con.execute("insert into profiles values (?, ?, 'holt', ?, null)", [100 - node, name, name and [name]])
    con.execute("create temp table scores (a bigint, b bigint, weight double)")
    for one, other, probability in scores:
        keys = sorted((100 - one, 100 - other))
        con.execute("insert into scores values (?, ?, ?)", [*keys, to_weight(probability)])
    load_scored(con)


def _listed(founders, *scores):
    with staged() as con:
        _scored(con, *scores)
        table = review(con, np.array(founders), ACCEPT)
    assert table.schema.equals(REVIEW_SCHEMA)
    return [tuple(row.values()) for row in table.to_pylist()]


APART = [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("pair", "probability", "reason"),
    [
        ((0, 1), 0.7, "Between the thresholds."),
        ((0, 1), 0.9499, "Between the thresholds."),
        ((0, 1), 0.96, "Held back, or kept apart by other evidence."),
        ((0, 2), 0.7, "The names contradict each other."),
        ((0, 2), 0.99, "The names contradict each other."),
        ((2, 3), 0.99, "Held back, or kept apart by other evidence."),
    ],
)
def test_a_pair_says_why_it_is_not_one_person(pair, probability, reason):
    ((one, other, id_one, id_other, found, why),) = _listed(APART, (*pair, probability))
    assert (one, other) == (f"r{pair[0]}", f"r{pair[1]}"), "the older record first"
    assert (id_one, id_other) == tuple(f"C{100 - node:015x}" for node in pair)
    assert (found, why) == (pytest.approx(probability), reason)


def test_what_became_one_person_is_not_listed():
    assert _listed([0, 0, 0, 3, 4], (0, 1, 0.99), (1, 2, 0.7)) == []


def test_two_people_are_listed_once_by_their_most_probable_pair():
    found = _listed([0, 0, 2, 2, 4], (0, 3, 0.6), (1, 3, 0.8), (1, 2, 0.8), (3, 4, 0.55))
    assert [row[:2] for row in found] == [("r1", "r2"), ("r3", "r4")]
    assert [row[2:4] for row in found] == [(f"C{100:015x}", f"C{98:015x}"), (f"C{98:015x}", f"C{96:015x}")]


def test_two_people_are_listed_once_whichever_way_their_pairs_run():
    # The third record belongs to the first person: its pairs with the second run the other way.
    assert [row[:2] for row in _listed([0, 1, 0, 3, 4], (0, 1, 0.6), (1, 2, 0.8))] == [("r1", "r2")]


def test_each_two_people_are_listed_with_the_probability_of_their_pair():
    found = _listed(APART, (0, 1, 0.6), (1, 4, 0.9), (3, 4, 0.7))
    assert sorted(round(row[4], 6) for row in found) == [0.6, 0.7, 0.9]


def test_only_accepted_pairs_whose_names_agree_are_links():
    with staged() as con:
        _scored(con, (0, 1, 0.95), (0, 4, 0.9499), (0, 2, 0.99), (2, 3, 0.99), (3, 4, 0.99999))
        links = probable_links(con, ACCEPT)
    found = sorted(zip(links.a.tolist(), links.b.tolist(), strict=True))
    assert found == [(0, 1), (2, 3), (3, 4)]
    assert set(links.priority.tolist()) == {5}
    weights = dict(zip(links.b.tolist(), links.weight.tolist(), strict=True))
    assert weights[4] > weights[3] > weights[1]
