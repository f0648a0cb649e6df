"""Of each person's options at most one is taken, and together they bring the most that the budget allows."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.scoring.contacts.action_plan import choose, frontier

OPTION = st.tuples(
    st.integers(0, 3),
    st.integers(-20, 60).map(lambda value: value / 10),
    st.integers(0, 30).map(lambda cost: cost / 10),
)


def options(drawn):
    """Return keys, values and costs of drawn (person, value, cost), by person."""
    rows = sorted(drawn, key=lambda row: row[0])
    columns = zip(*rows, strict=True)
    keys, values, costs = (np.array(column) for column in columns)
    return keys.astype(np.int64), values.astype(float), costs.astype(float)


def best_by_trial(keys, values, costs, budget):
    """Return the highest total value of all plans within the budget, by trying every plan."""
    of_person = [[-1, *np.flatnonzero(keys == key)] for key in np.unique(keys)]
    totals = []
    for plan in product(*of_person):
        taken = [place for place in plan if place >= 0]
        if costs[taken].sum() <= budget + 1e-9:
            totals.append(values[taken].sum())
    return max(totals)


@settings(max_examples=300, deadline=None)
@given(st.lists(OPTION, min_size=1, max_size=10), st.integers(0, 60))
def test_a_plan_keeps_to_the_budget_and_misses_the_best_by_less_than_one_option(drawn, tenths):
    keys, values, costs = options(drawn)
    budget = tenths / 10
    chosen = choose(keys, values, costs, budget)
    assert costs[chosen].sum() <= budget + 1e-6
    assert len(set(keys[chosen])) == chosen.sum()
    missing = best_by_trial(keys, values, costs, budget) - values[chosen].sum()
    assert -1e-9 <= missing <= max(values.max(), 0) + 1e-9


@settings(max_examples=100, deadline=None)
@given(st.lists(OPTION, min_size=1, max_size=10))
def test_without_a_limit_the_plan_is_the_best_there_is(drawn):
    keys, values, costs = options(drawn)
    chosen = choose(keys, values, costs)
    assert np.isclose(values[chosen].sum(), best_by_trial(keys, values, costs, np.inf))


def test_options_of_one_cost_are_taken_in_order_of_value_until_the_money_is_spent():
    keys, values = np.arange(10), np.array([3, 9, 1, 7, 5, 8, 2, 6, 4, 0.5])
    chosen = choose(keys, values, np.ones(10), budget=4)
    assert keys[chosen].tolist() == [1, 3, 5, 7]


def test_equal_offers_go_to_the_lowest_keys():
    chosen = choose(np.arange(6), np.full(6, 2.0), np.full(6, 0.5), budget=1.5)
    assert np.flatnonzero(chosen).tolist() == [0, 1, 2]


def test_a_dearer_channel_is_paid_only_where_what_it_adds_is_worth_more_than_others_offers():
    keys = np.array([1, 1, 2, 2])
    values, costs = np.array([10.0, 12.0, 1.0, 9.0]), np.array([1.0, 5.0, 1.0, 5.0])
    assert choose(keys, values, costs, budget=6).tolist() == [True, False, False, True]


def test_nothing_is_taken_where_nothing_is_offered():
    empty = np.array([])
    assert choose(empty.astype(np.int64), empty, empty, 10).tolist() == []


def test_options_that_cost_more_than_they_bring_are_left():
    assert not choose(np.array([1]), np.array([-0.1]), np.array([0.0]), 10).any()


@settings(max_examples=100, deadline=None)
@given(st.lists(OPTION, min_size=1, max_size=8))
def test_no_plan_of_the_same_cost_brings_more_than_the_frontier(drawn):
    keys, values, costs = options(drawn)
    points = frontier(keys, values, costs)
    for cost, value in points:
        assert np.isclose(value, best_by_trial(keys, values, costs, cost))
    assert np.isclose(points[-1][1], best_by_trial(keys, values, costs, np.inf))
