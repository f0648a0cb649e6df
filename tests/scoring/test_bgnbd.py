"""The order process: published estimates, independent formulas, and data on which it must refuse."""

import dataclasses
from datetime import date

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad
from scipy.stats import beta

from crm_pipeline.scoring.lifetime import bgnbd, likelihood, purchases
from crm_pipeline.scoring.model import NotEnoughDataError

WEEK = 7
MODEL = bgnbd.BgNbd(r=0.24, alpha=31.0, a=0.79, b=2.43, log_likelihood=0.0)


def people(*rows):
    x, t_x, age = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return x, t_x, age


BUYERS = people((0, 0, 200), (1, 30, 200), (5, 180, 200), (5, 60, 400), (40, 390, 400), (12, 100, 100))


@pytest.fixture(scope="module")
def cdnow_history(cdnow):
    tuples = purchases.history_tuples(purchases.purchase_history(cdnow, date(1997, 9, 30), 1000).read_all())
    return bgnbd.PurchaseHistory(*(tuples[name].to_numpy().astype(float) for name in ("x", "t_x", "age", "people")))


def test_cdnow_gives_the_published_estimates(cdnow_history):
    model = bgnbd.fit(cdnow_history)
    orders = cdnow_history.people @ cdnow_history.x
    found = (model.r, model.alpha / WEEK, model.a, model.b, model.log_likelihood + orders * np.log(WEEK))
    assert cdnow_history.people.sum() == 2357
    assert found == pytest.approx((0.243, 4.414, 0.793, 2.426, -9582.43), rel=2e-3)
    assert found[4] == pytest.approx(-9582.43, abs=0.01)


def test_starts_tried_on_a_part_of_the_people_lead_to_the_estimates_of_all(cdnow_history, monkeypatch):
    whole = bgnbd.fit(cdnow_history)
    monkeypatch.setattr(likelihood, "ENOUGH_TO_START", 200)
    assert len(cdnow_history.x) > 2 * likelihood.ENOUGH_TO_START
    found = bgnbd.fit(cdnow_history)
    assert [found.r, found.alpha, found.a, found.b] == pytest.approx([whole.r, whole.alpha, whole.a, whole.b], rel=1e-4)
    assert found.log_likelihood == pytest.approx(whole.log_likelihood)


def test_the_gradient_is_that_of_the_likelihood(cdnow_history):
    scaled = dataclasses.replace(cdnow_history, t_x=cdnow_history.t_x / 200, age=cdnow_history.age / 200)
    for point in ([0.3, 0.2, 0.8, 2.5], [1.5, 0.9, 0.4, 0.6]):
        start = np.array(point)
        error = check_grad(
            lambda p: bgnbd.log_likelihood(p, scaled)[0], lambda p: bgnbd.log_likelihood(p, scaled)[1], start
        )
        assert error < 1e-5 * np.linalg.norm(bgnbd.log_likelihood(start, scaled)[1])


@pytest.mark.parametrize("model", [MODEL, dataclasses.replace(MODEL, a=1.0), bgnbd.BgNbd(2.0, 90.0, 0.1, 0.7, 0.0)])
@pytest.mark.parametrize("horizon", [1.0, 90.0, 365.0])
def test_expected_orders_agree_with_an_integral_over_the_chance_of_leaving(model, horizon):
    # Given that a person is alive, rate ~ gamma(r + x, alpha + age) and p ~ beta(a, b + x); the rate integrates out.
    def by_integral(x, t_x, age):
        def orders(p):
            return -np.expm1(-(model.r + x) * np.log1p(p * horizon / (model.alpha + age))) / p

        # Substituting p = s^(1/a) removes the singularity of the beta density at 0.
        norm = beta.pdf(0.5, model.a, model.b + x) / (0.5 ** (model.a - 1) * 0.5 ** (model.b + x - 1))

        def inner(s):
            p = max(s ** (1 / model.a), 1e-300)
            return orders(p) * (1 - p) ** (model.b + x - 1) * norm / model.a

        return quad(inner, 0, 1, limit=500, epsabs=1e-12, epsrel=1e-10)[0]

    expected = np.array([by_integral(*row) for row in zip(*BUYERS, strict=True)]) * model.p_alive(*BUYERS)
    assert model.expected_orders(*BUYERS, horizon) == pytest.approx(expected, rel=2e-5)


def test_order_counts_have_the_moments_of_a_simulation():
    random = np.random.default_rng(4)
    draws, horizon = 400_000, 180.0
    for x, t_x, age in zip(*BUYERS, strict=True):
        row = people((x, t_x, age))
        rate = random.gamma(MODEL.r + x, 1 / (MODEL.alpha + age), draws)
        leave = random.beta(MODEL.a, MODEL.b + x, draws)
        alive = random.random(draws) < MODEL.p_alive(*row)
        # Orders come as a Poisson count until the first one after which the person leaves.
        count = alive * np.minimum(random.poisson(rate * horizon), random.geometric(np.maximum(leave, 1e-12)))
        noise = 4 / np.sqrt(draws)
        assert MODEL.expected_orders(*row, horizon)[0] == pytest.approx(count.mean(), abs=noise * count.std())
        assert MODEL.p_no_order(*row, horizon)[0] == pytest.approx((count == 0).mean(), abs=noise)
        pairs = count * (count - 1.0)
        assert MODEL.expected_order_pairs(*row, horizon)[0] == pytest.approx(pairs.mean(), abs=noise * pairs.std())


def test_the_probability_to_be_alive_follows_bayes_rule():
    x, t_x, age = BUYERS
    still = (MODEL.b + x - 1) * (MODEL.alpha + t_x) ** (MODEL.r + x)
    gone = MODEL.a * (MODEL.alpha + age) ** (MODEL.r + x)
    expected = np.where(x > 0, still / (still + gone), 1.0)
    assert MODEL.p_alive(*BUYERS) == pytest.approx(expected)


def test_heavy_buyers_do_not_overflow():
    heavy = people((700, 700, 705), (5_000, 900, 1000), (20_000, 3000, 3000), (5_000, 10, 3000))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        figures = [
            MODEL.p_alive(*heavy),
            MODEL.expected_orders(*heavy, 365),
            MODEL.expected_order_pairs(*heavy, 365),
            MODEL.p_no_order(*heavy, 365),
        ]
    assert all(np.isfinite(figure).all() and (figure >= 0).all() for figure in figures)
    # Someone who bought daily until the end goes on nearly so; someone long silent after a burst does not.
    assert 200 < figures[1][0] < 365
    assert figures[1][3] < 1e-6


def history_of(x, t_x, age, count):
    return bgnbd.PurchaseHistory(*(np.full(1, float(value)) for value in (x, t_x, age, count)))


def test_a_cohort_without_repeat_buyers_is_refused():
    with pytest.raises(NotEnoughDataError, match="repeat buyers; has 5000 and 0"):
        bgnbd.fit(history_of(0, 0, 300, 5000))


def test_a_cohort_of_one_single_history_is_refused():
    with pytest.raises(NotEnoughDataError, match="degenerate"):
        bgnbd.fit(history_of(4, 200, 210, 5000))


def test_parameters_of_a_simulated_population_are_recovered():
    random = np.random.default_rng(8)
    people_count, age = 6000, 365.0
    rows = []
    for rate, leave in zip(random.gamma(0.8, 1 / 30, people_count), random.beta(1.0, 3.0, people_count), strict=True):
        times = np.cumsum(random.exponential(1 / rate, random.geometric(leave)))
        times = times[times <= age]
        rows.append((len(times), times[-1] if len(times) else 0.0, age))
    model = bgnbd.fit(bgnbd.PurchaseHistory(*people(*rows), np.ones(people_count)))
    assert model.r == pytest.approx(0.8, rel=0.1)
    assert model.alpha == pytest.approx(30, rel=0.1)
    assert model.a / (model.a + model.b) == pytest.approx(0.25, rel=0.1)


def test_people_of_the_modified_model_may_leave_after_their_first_order():
    modified = dataclasses.replace(MODEL, leaves_at_once=True)
    # Bayes' rule with x + 1 decisions to stay instead of x; those of one order are no longer certainly alive.
    x, t_x, age = BUYERS
    still = (MODEL.b + x) * (MODEL.alpha + t_x) ** (MODEL.r + x)
    gone = MODEL.a * (MODEL.alpha + age) ** (MODEL.r + x)
    assert modified.p_alive(*BUYERS) == pytest.approx(still / (still + gone))
    assert modified.p_alive(*BUYERS)[0] < 1


@pytest.mark.parametrize("horizon", [30.0, 365.0])
def test_orders_of_the_modified_model_have_the_moments_of_a_simulation(horizon):
    modified, random, draws = dataclasses.replace(MODEL, leaves_at_once=True), np.random.default_rng(6), 400_000
    for x, t_x, age in zip(*BUYERS, strict=True):
        row = people((x, t_x, age))
        rate = random.gamma(MODEL.r + x, 1 / (MODEL.alpha + age), draws)
        leave = random.beta(MODEL.a, MODEL.b + x + 1, draws)
        alive = random.random(draws) < modified.p_alive(*row)
        count = alive * np.minimum(random.poisson(rate * horizon), random.geometric(np.maximum(leave, 1e-12)))
        noise, pairs = 4 / np.sqrt(draws), count * (count - 1.0)
        assert modified.expected_orders(*row, horizon)[0] == pytest.approx(count.mean(), abs=noise * count.std())
        assert modified.p_no_order(*row, horizon)[0] == pytest.approx((count == 0).mean(), abs=noise)
        assert modified.expected_order_pairs(*row, horizon)[0] == pytest.approx(pairs.mean(), abs=noise * pairs.std())


def test_the_modified_model_recovers_people_who_leave_after_their_first_order():
    random = np.random.default_rng(9)
    people_count, age, rows = 6000, 365.0, []
    for rate, leave in zip(random.gamma(0.8, 1 / 30, people_count), random.beta(1.0, 3.0, people_count), strict=True):
        times = np.cumsum(random.exponential(1 / rate, random.geometric(leave) - 1))
        times = times[times <= age]
        rows.append((len(times), times[-1] if len(times) else 0.0, age))
    history = bgnbd.PurchaseHistory(*people(*rows), np.ones(people_count))
    model = bgnbd.fit(history, leaves_at_once=True)
    assert model.a / (model.a + model.b) == pytest.approx(0.25, rel=0.1)
    assert model.alpha == pytest.approx(30, rel=0.15)
    assert model.log_likelihood > bgnbd.fit(history).log_likelihood


def test_a_chance_to_leave_that_is_the_same_for_all_still_forecasts():
    same = bgnbd.BgNbd(0.6, 30.0, bgnbd.MAX_A, 19 * bgnbd.MAX_A, 0.0)
    figures = (same.expected_orders(*BUYERS, 365), same.expected_order_pairs(*BUYERS, 365))
    assert all(np.isfinite(figure).all() for figure in figures)
