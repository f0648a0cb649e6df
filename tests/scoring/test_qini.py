"""The Qini curve and its coefficient, against figures by hand and an independent way to reckon them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.scoring.contacts import qini

NUMBERS = st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 6)), min_size=2, max_size=40)


def test_the_curve_is_the_gain_so_far_per_person_of_all():
    effects, predicted = np.array([4.0, 0.0, 2.0, -2.0]), np.array([9.0, 1.0, 5.0, 3.0])
    assert qini.curve(effects, predicted, [0, 0.25, 0.5, 0.75, 1]).tolist() == [0, 1, 1.5, 1, 1]


def test_people_of_one_prediction_are_contacted_in_random_order():
    effects = np.array([4.0, 0.0, 2.0, -2.0])
    assert qini.curve(effects, np.zeros(4), [0.25, 0.5]).tolist() == [0.25, 0.5]


def test_contacting_everybody_alike_has_a_coefficient_of_exactly_nothing():
    effects = np.random.default_rng(1).normal(3, 5, 999)
    assert qini.coefficient(effects, np.full(999, 0.7)) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))


@settings(deadline=None)
@given(NUMBERS)
def test_the_coefficient_is_the_area_between_the_curve_and_random_order(rows):
    effects, predicted = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    levels = np.unique(predicted)[::-1]
    reached = [0.0, *(np.mean(predicted >= level) for level in levels)]
    gained = [0.0, *(effects[predicted >= level].sum() / len(effects) for level in levels)]
    area = np.trapezoid(gained, reached) - gained[-1] / 2
    assert qini.coefficient(effects, predicted)[0] == pytest.approx(area, abs=1e-9)


def test_the_standard_error_is_that_of_repeated_experiments():
    random = np.random.default_rng(5)
    predicted = random.normal(size=2_000)
    runs = [qini.coefficient(predicted + random.normal(0, 4, 2_000), predicted) for _ in range(300)]
    values, errors = zip(*runs, strict=True)
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.12)


def test_a_better_ranking_has_a_higher_coefficient_and_more_uplift_at_the_top():
    random = np.random.default_rng(2)
    truth = random.exponential(1, 5_000)
    effects = truth + random.normal(0, 3, 5_000)
    perfect, weak = (qini.measures(effects, truth + noise * random.normal(size=5_000)) for noise in (0, 3))
    assert perfect["qini"] > weak["qini"] > 0
    assert perfect["uplift_at_30"] > weak["uplift_at_30"] > effects.mean()


def test_groups_are_led_by_the_highest_predicted():
    effects, predicted = np.arange(20.0), np.arange(20.0) * 2
    assert qini.by_group(effects, predicted, 2) == [(29.0, 14.5), (9.0, 4.5)]
