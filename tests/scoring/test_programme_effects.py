"""Difference in differences: against a regression with dummies, planted effects, and every placebo by hand."""

from datetime import date
from itertools import combinations

import duckdb
import numpy as np
import pytest
from scipy import stats

from crm_pipeline.config.programmes import Programme
from crm_pipeline.scoring.programmes import programme_effects
from crm_pipeline.scoring.programmes.panel import Panel, panel

START, AS_OF = date(2025, 1, 1), date(2025, 12, 31)
CHANGE = Programme(name="club", unit="store_id", treated=("S1", "S2", "S3"), starts_on=START)
TABLE = """
create schema customer;
create table customer.fct_orders (
    store_id varchar, country varchar, sales_channel varchar, customer_key bigint, ordered_on date, is_counted boolean,
    revenue decimal(18, 2), margin decimal(18, 2), refunded_amount decimal(18, 2), refunded_margin decimal(18, 2),
    refunded_on date
)
"""


def month(number):
    return date(2024 + number // 12, number % 12 + 1, 1)


def simulated(effect=0.0, trend=0.0, units=20, treated=8, noise=30.0, seed=1, before=12, after=12):
    """Stores of different sizes, the same seasons, shocks that last; a change brings each treated one `effect`."""
    random = np.random.default_rng(seed)
    months = before + after
    is_treated = np.arange(units) < treated
    shocks = np.zeros((units, months))
    for place in range(1, months):
        shocks[:, place] = 0.6 * shocks[:, place - 1] + random.normal(0, noise, units)
    size = random.uniform(500, 3_000, (units, 1))
    season = 200 * np.sin(np.arange(months) / 2)
    is_after = np.arange(months) >= before
    values = size + season + shocks + is_treated[:, None] * (effect * is_after + trend * np.arange(months))
    names = tuple(f"S{number:02}" for number in range(units))
    return Panel(names, is_treated, tuple(month(place) for place in range(months)), is_after, values, left_out=0)


def regression(seen):
    """The coefficient of "treated, and after" beside dummies of units and months, with its CR2 standard error."""
    units, months = seen.values.shape
    unit, time = (axis.ravel() for axis in np.indices((units, months)))
    both = (seen.treated[unit] & seen.after[time]).astype(float)
    design = np.column_stack([both, unit[:, None] == np.arange(units), time[:, None] == np.arange(1, months)])
    design = design.astype(float)
    outcome = seen.values.ravel()
    bread = np.linalg.pinv(design.T @ design)
    beta = bread @ design.T @ outcome
    residual = outcome - design @ beta
    meat = np.zeros_like(bread)
    for one in range(units):
        rows = design[unit == one]
        leverage = np.eye(months) - rows @ bread @ rows.T
        value, vector = np.linalg.eigh(leverage)
        root = np.where(value > 1e-9, 1 / np.sqrt(np.maximum(value, 1e-9)), 0.0)
        score = rows.T @ (vector * root @ vector.T) @ residual[unit == one]
        meat += np.outer(score, score)
    return beta[0], np.sqrt((bread @ meat @ bread)[0, 0])


@pytest.mark.parametrize("seed", range(3))
def test_effect_and_error_are_those_of_two_way_fixed_effects_clustered_by_unit(seed):
    seen = simulated(effect=80, seed=seed)
    value, error = regression(seen)
    found = programme_effects.compare(seen, seed=1)
    assert found["effect"] == pytest.approx(value)
    width = (found["effect_upper"] - found["effect_lower"]) / 2
    assert 1.96 * error < width < 2.4 * error
    assert found["p_value"] == pytest.approx(2 * _sf(abs(value) / error, seen), rel=1e-6)


def _sf(statistic, seen):
    """Tail of a t distribution with the degrees of freedom of Welch, from the units' own changes."""
    changed = seen.values[:, seen.after].mean(axis=1) - seen.values[:, ~seen.after].mean(axis=1)
    freedom = stats.ttest_ind(changed[seen.treated], changed[~seen.treated], equal_var=False).df
    return stats.t.sf(statistic, freedom)


def test_a_planted_effect_lies_in_its_interval_as_often_as_it_says():
    found = [programme_effects.compare(simulated(effect=60, seed=seed), seed=1) for seed in range(200)]
    inside = [one["effect_lower"] <= 60 <= one["effect_upper"] for one in found]
    assert 0.91 <= np.mean(inside) <= 0.98
    assert np.mean([one["effect"] for one in found]) == pytest.approx(60, abs=3)


def test_no_change_is_called_one_no_more_often_than_allowed():
    found = [programme_effects.compare(simulated(seed=seed), seed=1)["status"] for seed in range(200)]
    assert found.count("conclusive") <= 0.08 * len(found)


def test_units_that_went_another_way_before_are_no_comparison():
    found = programme_effects.compare(simulated(trend=25), seed=1)
    assert found["status"] == "not_parallel"
    assert found["pre_trend"] == pytest.approx(25, abs=8)
    assert programme_effects.compare(simulated(), seed=1)["pre_trend_p_value"] > 0.05


def test_a_large_effect_is_conclusive_and_read_against_what_would_have_been():
    found = programme_effects.compare(simulated(effect=300), seed=1)
    assert found["status"] == "conclusive"
    assert found["relative_effect"] == pytest.approx(found["effect"] / (found["treated_after"] - found["effect"]))
    by_hand = (found["treated_after"] - found["treated_before"]) - (found["control_after"] - found["control_before"])
    assert found["effect"] == pytest.approx(by_hand)


def test_with_few_units_no_effect_is_certain():
    """Two of five can be chosen in ten ways: whatever is measured, one in ten looks like it."""
    found = programme_effects.compare(simulated(effect=5_000, units=5, treated=2), seed=1)
    assert found["placebo_p_value"] == pytest.approx(0.1)
    assert found["p_value"] < 0.001
    assert found["status"] == "inconclusive"


def test_all_placebos_are_tried_where_they_are_few():
    changed = np.array([5.0, 4.0, 1.0, 3.0, -2.0, 0.5])
    treated = np.array([True, True, False, False, False, False])
    chosen = [(np.mean(changed[list(c)]), np.mean(np.delete(changed, list(c)))) for c in combinations(range(6), 2)]
    apart = [abs(one - other) for one, other in chosen]
    expected = np.mean([one >= apart[0] - 1e-9 for one in apart])
    assert programme_effects.placebo_p_value(changed, treated, seed=1) == pytest.approx(expected)


def test_a_draw_of_placebos_comes_close_to_all_of_them(monkeypatch):
    changed = np.random.default_rng(4).normal(0, 1, 14) + np.where(np.arange(14) < 5, 1.0, 0.0)
    exact = programme_effects.placebo_p_value(changed, np.arange(14) < 5, seed=1)
    monkeypatch.setattr(programme_effects, "PLACEBOS", 1_500)
    drawn = programme_effects.placebo_p_value(changed, np.arange(14) < 5, seed=1)
    assert drawn == pytest.approx(exact, abs=0.03)
    assert drawn == programme_effects.placebo_p_value(changed, np.arange(14) < 5, seed=1)


def test_the_months_after_add_up_to_the_effect_and_those_before_to_nothing():
    seen = simulated(effect=80)
    months = list(programme_effects.event_study(seen))
    assert [one["months_since"] for one in months] == list(range(-12, 12))
    after = [one["effect"] for one in months if one["months_since"] >= 0]
    assert np.mean(after) == pytest.approx(programme_effects.compare(seen, seed=1)["effect"])
    assert sum(one["effect"] for one in months if one["months_since"] < 0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (simulated(after=2), "too_early"),
        (simulated(before=2), "too_early"),
        (simulated(treated=1), "too_few_units"),
        (simulated(units=6, treated=5), "too_few_units"),
    ],
)
def test_what_cannot_be_compared_says_so(seen, status):
    assert programme_effects.compare(seen, seed=1) == {"status": status}


def warehouse(rows):
    """Orders of store, day, revenue, and what was refunded on which day; a margin of half the revenue."""
    connection = duckdb.connect()
    connection.execute(TABLE)
    for number, (store, day, revenue, *refund) in enumerate(rows):
        amount, refunded_on = refund or (0, None)
        values = [store, number % 7, day, revenue > 0, revenue, revenue / 2, amount, amount / 2, refunded_on]
        connection.execute("insert into customer.fct_orders values (?, 'GB', 'store', ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return connection


def everywhere(stores=("S1", "S2", "S8", "S9"), first=0, last=24):
    return [(store, month(number), 100.0) for store in stores for number in range(first, last)]


def test_a_panel_has_the_months_around_the_change():
    seen = panel(warehouse(everywhere()), CHANGE, AS_OF)
    assert (seen.months[0], seen.months[-1], seen.after.sum(), len(seen.months)) == (month(0), month(23), 12, 24)
    assert (seen.units, seen.treated.tolist()) == (("S1", "S2", "S8", "S9"), [True, True, False, False])
    assert (seen.values == 100).all()


def test_a_month_that_is_not_over_or_not_wholly_covered_is_left_out():
    rows = [("S1", date(2024, 3, 2), 5.0), *everywhere(first=3)]
    seen = panel(warehouse(rows), CHANGE, date(2025, 12, 30))
    assert (seen.months[0], seen.months[-1]) == (month(3), month(22))


def test_nothing_dated_after_the_as_of_date_counts():
    as_of = date(2025, 6, 30)
    before = panel(warehouse(everywhere()), CHANGE, as_of)
    refunded = [*everywhere(last=18), ("S1", date(2025, 6, 9), -30.0, 30.0, date(2025, 7, 1)),
                ("S1", date(2025, 6, 9), 0.0), ("S2", date(2025, 7, 1), 9e5)]  # fmt: skip
    seen = panel(warehouse(refunded), CHANGE, as_of)
    assert seen.months == before.months
    assert (seen.values == before.values).all()


def test_a_refund_counts_in_the_month_in_which_it_was_given():
    rows = [*everywhere(), ("S1", date(2025, 6, 9), 10.0, 30.0, date(2025, 8, 1))]
    seen = panel(warehouse(rows), CHANGE, AS_OF)
    assert seen.values[0, 17:20].tolist() == [140, 100, 70]


def test_a_unit_that_opened_or_closed_meanwhile_is_left_out_and_counted():
    rows = [*everywhere(), *everywhere(("S3",), first=2), *everywhere(("S4",), last=23), (None, month(0), 9.0)]
    seen = panel(warehouse(rows), CHANGE, AS_OF)
    assert (seen.units, seen.left_out) == (("S1", "S2", "S8", "S9"), 2)  # S3 and S4; S3 is named as treated


def test_a_unit_that_is_named_and_not_there_is_counted_as_left_out():
    seen = panel(warehouse(everywhere()), CHANGE, AS_OF)
    assert seen.left_out == 1


def test_a_month_without_orders_in_between_is_nothing_sold():
    rows = [row for row in everywhere() if row[:2] != ("S8", month(5))]
    assert panel(warehouse(rows), CHANGE, AS_OF).values[2, 4:7].tolist() == [100, 0, 100]


@pytest.mark.parametrize(("measure", "expected"), [("margin", 60), ("orders", 2), ("buyers", 2), ("revenue", 120)])
def test_each_measure_is_of_a_unit_and_a_month(measure, expected):
    rows = [*everywhere(), ("S1", date(2024, 2, 9), 50.0), ("S1", date(2024, 2, 10), -30.0)]
    seen = panel(warehouse(rows), CHANGE.model_copy(update={"measure": measure}), AS_OF)
    assert seen.values[0, 1] == expected


def test_countries_and_channels_are_units_too():
    rows = everywhere()
    connection = warehouse(rows)
    connection.execute("update customer.fct_orders set country = store_id, sales_channel = store_id")
    for unit in ("country", "sales_channel"):
        seen = panel(connection, CHANGE.model_copy(update={"unit": unit}), AS_OF)
        assert seen.units == ("S1", "S2", "S8", "S9")


def test_each_declared_change_has_its_row_and_months():
    effects, months = programme_effects.programme_effects(
        warehouse(everywhere()), [CHANGE, CHANGE.model_copy(update={"name": "late", "starts_on": date(2025, 11, 1)})],
        AS_OF, seed=1,
    )  # fmt: skip
    rows = effects.to_pylist()
    assert [(row["programme_name"], row["status"]) for row in rows] == [
        ("club", "too_few_units"),
        ("late", "too_early"),
    ]
    assert rows[0]["units_treated"] == rows[0]["units_control"] == 2
    assert effects.schema == programme_effects.EFFECTS.schema
    assert (months.num_rows, months.schema) == (0, programme_effects.MONTHS.schema)


def test_without_a_declared_change_or_orders_there_is_nothing_to_say():
    assert [len(table) for table in programme_effects.programme_effects(warehouse([]), [], AS_OF, seed=1)] == [0, 0]
    effects, _ = programme_effects.programme_effects(warehouse([]), [CHANGE], AS_OF, seed=1)
    assert effects["status"].to_pylist() == ["too_early"]
