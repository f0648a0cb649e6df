"""Markov attribution: a published example, an enumeration of all walks, a simulation, and paths cut from the facts."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.scoring.journeys.removal_effects import (
    CONVERSION,
    LOST,
    START,
    TABLE,
    medium_removal_effects,
    removal_effects,
)

AS_OF = date(2023, 6, 30)
DAYS = 30
PATHS = [(("C1", "C2", "C3"), CONVERSION), (("C1",), LOST), (("C2", "C3"), LOST)]


def transitions(paths):
    """Count the steps of paths, each a tuple of media and its end."""
    steps = Counter(step for media, end in paths for step in pairwise((START, *media, end)))
    return [(origin, target, number) for (origin, target), number in steps.items()]


def conversion(paths, without=None):
    """Return the probability of a conversion, by sending a crowd so many steps along the chain that all arrive."""
    states = [START, CONVERSION, LOST, *sorted({one for media, _ in paths for one in media} - {without})]
    chain = np.zeros((len(states), len(states)))
    for origin, target, number in transitions(paths):
        if origin != without:
            chain[states.index(origin), states.index(LOST if target == without else target)] += number
    chain[1, 1] = chain[2, 2] = 1
    chain /= chain.sum(axis=1, keepdims=True)
    return np.linalg.matrix_power(chain, 2**16)[0, 1]


def test_the_textbook_example_gives_its_published_effects():
    effects = removal_effects(transitions(PATHS))
    assert effects == pytest.approx({"C1": 0.5, "C2": 1.0, "C3": 1.0})
    whole = sum(effects.values())
    assert [effect / whole for effect in effects.values()] == pytest.approx([0.2, 0.4, 0.4])


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("ABCD"), min_size=1, max_size=5).map(tuple), st.sampled_from([CONVERSION, LOST])
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_linear_solution_is_what_a_crowd_on_the_chain_does(paths):
    effects = removal_effects(transitions(paths))
    before = conversion(paths)
    if before == 0:
        assert effects == {}
        return
    after = {medium: conversion(paths, medium) for medium in {one for path, _ in paths for one in path}}
    assert effects == pytest.approx({medium: 1 - rest / before for medium, rest in after.items()}, abs=1e-6)


def test_a_medium_on_every_path_to_an_order_loses_them_all_and_one_on_none_loses_nothing():
    paths = [(("A", "B"), CONVERSION), (("A",), CONVERSION), (("C",), LOST)]
    effects = removal_effects(transitions(paths))
    assert (effects["A"], effects["C"]) == pytest.approx((1.0, 0.0))


def test_going_round_in_one_medium_changes_nothing():
    round_and_round = [(("C1", "C1", "C1", "C2", "C3", "C3"), CONVERSION), *PATHS[1:]]
    assert removal_effects(transitions(round_and_round))["C3"] == pytest.approx(1.0)
    longer = removal_effects([*transitions(PATHS), ("C2", "C2", 7)])
    assert longer == pytest.approx(removal_effects(transitions(PATHS)))


def warehouse(touches, orders):
    """Make both tables as the customer stage does, from (person, medium, day) and (person, day of the order)."""
    at = {day: datetime.combine(day, datetime.min.time()) for *_, day in [*touches, *orders]}
    paths, following = [], []
    for person, medium, day in sorted(touches, key=lambda one: (one[0], one[2])):
        later = [on for who, on in orders if who == person and timedelta(0) <= on - day <= timedelta(30)]
        following.append((person, medium, day, at[day], min(later, default=None)))
    for key, (person, on) in enumerate(orders):
        before = [one for one in following if one[0] == person and timedelta(0) <= on - one[2] <= timedelta(30)]
        paths += [(key, on, place, one[1]) for place, one in enumerate(before, start=1)]
    connection = duckdb.connect()
    connection.execute("create schema customer")
    connection.execute(
        "create table customer.medium_touches "
        "(customer_key bigint, medium text, occurred_on date, occurred_at timestamp, next_order_on date);"
        "create table customer.order_touches (order_key bigint, ordered_on date, position bigint, medium text)"
    )
    for name, rows in [("medium_touches", following), ("order_touches", paths)]:
        if rows:
            connection.executemany(f"insert into customer.{name} values ({', '.join('?' * len(rows[0]))})", rows)
    return connection


def by_month(table):
    found: dict[date, dict[str, float]] = {}
    for row in table.to_pylist():
        found.setdefault(row["month"], {})[row["medium"]] = row["removal_effect"]
    return found


def test_paths_cut_from_the_facts_give_the_textbook_example():
    """Three people: one orders, two are given up in the same month, 30 days after their last touch."""
    touches = [
        (1, "C1", date(2023, 3, 1)),
        (1, "C2", date(2023, 3, 5)),
        (1, "C3", date(2023, 3, 9)),
        (2, "C1", date(2023, 2, 1)),
        (3, "C2", date(2023, 1, 20)),
        (3, "C3", date(2023, 2, 10)),
    ]
    table = medium_removal_effects(warehouse(touches, [(1, date(2023, 3, 20))]), AS_OF, DAYS)
    assert table.schema.equals(TABLE.schema)
    assert by_month(table) == {date(2023, 3, 1): pytest.approx({"C1": 0.5, "C2": 1.0, "C3": 1.0})}
    assert table["share"].to_pylist() == pytest.approx([0.2, 0.4, 0.4])


def test_quiet_days_and_orders_end_a_path_to_nowhere():
    """After 31 quiet days, or a touch that led to an order, a new path begins; each ends in a month of its own."""
    touches = [
        (1, "A", date(2023, 1, 1)),
        (1, "B", date(2023, 2, 1)),
        (2, "D", date(2023, 1, 10)),
        (2, "C", date(2023, 1, 25)),
        (3, "D", date(2023, 2, 20)),
        (4, "E", date(2023, 1, 1)),
        (4, "D", date(2023, 1, 25)),
        (4, "F", date(2023, 2, 10)),
    ]
    orders = [(2, date(2023, 1, 20)), (3, date(2023, 3, 1)), (4, date(2023, 2, 5))]
    assert by_month(medium_removal_effects(warehouse(touches, orders), AS_OF, DAYS)) == {
        date(2023, 1, 1): pytest.approx({"A": 0.0, "D": 1.0, "E": 0.0}),
        date(2023, 2, 1): pytest.approx({"C": 0.0, "D": 1.0}),
        date(2023, 3, 1): pytest.approx({"B": 0.0, "D": 1.0, "F": 0.0}),
    }


def test_who_may_still_order_is_not_given_up():
    touches = [(1, "A", date(2023, 6, 5)), (2, "B", date(2023, 5, 25))]
    facts = warehouse(touches, [(1, date(2023, 6, 10))])
    assert by_month(medium_removal_effects(facts, date(2023, 6, 23), DAYS)) == {date(2023, 6, 1): {"A": 1.0}}
    assert by_month(medium_removal_effects(facts, date(2023, 6, 24), DAYS)) == {date(2023, 6, 1): {"A": 1.0, "B": 0.0}}


def test_a_month_with_touches_but_without_an_order_has_no_effects():
    assert len(medium_removal_effects(warehouse([(1, "A", date(2023, 1, 1))], []), AS_OF, DAYS)) == 0


def test_without_touches_the_table_is_empty():
    table = medium_removal_effects(warehouse([], [(1, date(2023, 1, 1))]), AS_OF, DAYS)
    assert table.equals(TABLE.empty())


def test_direct_visits_are_no_medium():
    touches = [(1, "direct", date(2023, 1, 1)), (2, "A", date(2023, 1, 1)), (3, "direct", date(2023, 1, 1))]
    table = medium_removal_effects(warehouse(touches, [(1, date(2023, 1, 5)), (2, date(2023, 1, 5))]), AS_OF, DAYS)
    assert by_month(table) == {date(2023, 1, 1): {"A": 1.0}}


def random_facts(seed):
    random = np.random.default_rng(seed)
    touches = {
        (int(random.integers(60)), "ABCD"[random.integers(4)], date(2023, 1, 1) + timedelta(int(random.integers(180))))
        for _ in range(400)
    }
    orders = [(int(random.integers(60)), date(2023, 1, 1) + timedelta(int(random.integers(180)))) for _ in range(80)]
    # One touch a day, so that the order of touches is that of days.
    return list({(person, day): (person, medium, day) for person, medium, day in sorted(touches)}.values()), orders


def test_a_date_is_told_nothing_that_came_after_it():
    """As of a day, the facts of all time give what those of that day would have given."""
    touches, orders = random_facts(3)
    day = date(2023, 4, 30)
    until = warehouse([one for one in touches if one[2] <= day], [one for one in orders if one[1] <= day])
    assert medium_removal_effects(warehouse(touches, orders), day, DAYS).equals(
        medium_removal_effects(until, day, DAYS)
    )


def test_the_order_of_rows_and_threads_changes_nothing():
    touches, orders = random_facts(4)
    one = warehouse(touches, orders)
    one.execute("set threads = 1")
    other = warehouse(touches[::-1], orders)
    other.execute("set threads = 4")
    table = medium_removal_effects(one, AS_OF, DAYS)
    assert len(table) > 10
    assert table.equals(medium_removal_effects(other, AS_OF, DAYS))
    assert isinstance(table, pa.Table)
