"""Intervals: the predictive distribution agrees with a simulation, and its intervals hold as often as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crm_pipeline.scoring.lifetime import bgnbd, gamma_gamma
from crm_pipeline.scoring.lifetime.clv_interval import AIMS, COVERAGE, UNCALIBRATED, calibrate, holds
from crm_pipeline.scoring.lifetime.clv_value import Forecast, MarginDistribution, ValueModel
from crm_pipeline.scoring.lifetime.purchases import People

MODEL = ValueModel(bgnbd.BgNbd(0.6, 34.0, 0.7, 5.6, 0.0), gamma_gamma.GammaGamma(4.0, 4.0, 6.0, 0.0), 1.0)
DAYS = 365.25


def one(x, t_x, age, mean_value):
    known = (np.array([float(value)]) for value in (x, t_x, age, mean_value))
    return People(np.array([1]), *known, *[np.zeros(1)] * 10)


def drawn(people, draws=200_000):
    """Margins of the horizon of people like this, drawn from the processes themselves."""
    random, orders, value = np.random.default_rng(3), MODEL.orders, MODEL.value
    rate = random.gamma(orders.r + people.x, 1 / (orders.alpha + people.age), draws)
    leave = np.maximum(random.beta(orders.a, orders.b + people.x, draws), 1e-12)
    alive = random.random(draws) < orders.p_alive(people.x, people.t_x, people.age)
    count = alive * np.minimum(random.poisson(rate * DAYS), random.geometric(leave))
    price = random.gamma(value.p * people.x + value.q, 1 / (value.gamma + people.x * people.mean_value), draws)
    return np.where(count > 0, random.gamma(np.maximum(value.p * count, 1e-9)) / price, 0)


@pytest.mark.parametrize(
    "people", [one(0, 0, 20, 0), one(2, 60, 90, 12.0), one(9, 300, 310, 8.0), one(30, 500, 505, 5.0)]
)
def test_the_distribution_agrees_with_a_simulation(people):
    margin, forecast = drawn(people), MODEL.forecast(people, DAYS)
    assert forecast.distribution.none[0] == pytest.approx((margin == 0).mean(), abs=0.01)
    assert forecast.expected[0] == pytest.approx(margin.mean(), rel=0.03)
    assert holds(UNCALIBRATED.of(forecast), margin).mean() == pytest.approx(0.8, abs=0.04)


def invented(people, seed, none=(0.0, 1.0), scale=20.0):
    random = np.random.default_rng(seed)
    distribution = MarginDistribution(
        random.uniform(*none, people), random.uniform(0.5, 4, people), random.gamma(2, scale, people)
    )
    expected = (1 - distribution.none) * distribution.shape * distribution.scale
    margin = random.gamma(distribution.shape, distribution.scale) * (random.random(people) >= distribution.none)
    return Forecast(expected, distribution), margin


def test_quantiles_are_the_inverse_of_the_distribution():
    forecast, _ = invented(500, 1)
    level = np.random.default_rng(2).uniform(0.01, 0.99, 500)
    margin = forecast.distribution.quantile(level)
    assert forecast.distribution.cdf(margin) == pytest.approx(np.maximum(level, forecast.distribution.none), abs=1e-9)
    gamma = stats.gamma(forecast.distribution.shape, scale=forecast.distribution.scale)
    none = forecast.distribution.none
    assert forecast.distribution.cdf(margin) == pytest.approx(none + (1 - none) * gamma.cdf(margin), abs=1e-9)


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5])
def test_a_factor_changes_the_mean_by_itself(factor):
    forecast, _ = invented(200, 4)
    changed = forecast.times(np.full(200, factor)).distribution
    mean = (1 - changed.none) * changed.shape * changed.scale
    assert mean == pytest.approx(forecast.expected * factor)
    assert (changed.none >= forecast.distribution.none - 1e-12).all()


@pytest.mark.parametrize("wrong", [0.5, 1.0, 2.0])
def test_calibrated_intervals_hold_four_in_five_though_the_distribution_is_wrong(wrong):
    # Nobody is likely to buy nothing here, so that no interval can hold too often.
    (before, came), (now, comes) = invented(6000, 5, (0.0, 0.5)), invented(6000, 6, (0.0, 0.5))
    off = [
        Forecast(one.expected, MarginDistribution(one.distribution.none, one.distribution.shape * wrong,
                                                  one.distribution.scale / wrong))
        for one in (before, now)
    ]  # fmt: skip
    intervals = calibrate(off[0], came)
    held = holds(intervals.of(off[1]), comes)
    fifths = np.array_split(np.argsort(now.expected, kind="stable"), 5)
    assert held.mean() == pytest.approx(COVERAGE, abs=0.02)
    assert all(0.75 < held[fifth].mean() < 0.85 for fifth in fifths)


def test_where_many_have_left_no_group_falls_below_its_floor():
    (before, came), (now, comes) = invented(6000, 7, (0.3, 1.0)), invented(6000, 8, (0.3, 1.0))
    held = holds(calibrate(before, came).of(now), comes)
    fifths = np.array_split(np.argsort(now.expected, kind="stable"), 5)
    assert all(held[fifth].mean() > AIMS[-1] - 0.03 for fifth in fifths)
    assert COVERAGE - 0.02 < held.mean() < 0.88


def test_people_who_have_almost_certainly_left_get_nothing_as_interval():
    gone = Forecast(np.array([0.001]), MarginDistribution(np.array([0.999]), np.array([2.0]), np.array([0.5])))
    lower, upper = UNCALIBRATED.of(gone)
    assert (lower[0], upper[0]) == (0.0, 0.001)


def test_too_few_people_calibrate_nothing():
    forecast, margin = invented(20, 9)
    assert calibrate(forecast, margin) is UNCALIBRATED


@given(st.integers(0, 10_000), st.floats(0.05, 20))
def test_an_interval_holds_its_expectation_and_grows_with_the_stakes(seed, factor):
    forecast, margin = invented(120, seed)
    intervals = calibrate(forecast, margin)
    lower, upper = intervals.of(forecast)
    assert (lower >= 0).all()
    assert (lower <= forecast.expected).all()
    assert (forecast.expected <= upper).all()
    same = forecast.distribution
    dearer = Forecast(forecast.expected, MarginDistribution(same.none, same.shape, same.scale * max(factor, 1.0)))
    assert (intervals.of(dearer)[1] >= upper - 1e-9).all()
