"""Pareto/NBD: the published estimates, another way to the same integral, and a simulation."""

from datetime import date

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad

from crm_pipeline.scoring.lifetime import bgnbd, pareto_nbd, purchases
from crm_pipeline.scoring.lifetime.pareto_nbd import ParetoNbd
from crm_pipeline.scoring.model import NotEnoughDataError

WEEK = 7
MODEL = ParetoNbd(0.553, 74.0, 0.606, 81.7, 0.0)


@pytest.fixture(scope="module")
def history(cdnow):
    tuples = purchases.history_tuples(purchases.purchase_history(cdnow, date(1997, 9, 30), 1000).read_all())
    return bgnbd.PurchaseHistory(*(tuples[name].to_numpy().astype(float) for name in ("x", "t_x", "age", "people")))


def test_cdnow_gives_the_published_estimates(history):
    # Fader, Hardie and Lee (2005), table 2: r .553, alpha 10.578, s .606, beta 11.669, LL -9595.0 (weeks).
    model = pareto_nbd.fit(history)
    found = (model.r, model.alpha / WEEK, model.s, model.beta / WEEK)
    assert found == pytest.approx((0.553, 10.578, 0.606, 11.669), rel=2e-3)
    assert model.log_likelihood + history.people @ history.x * np.log(WEEK) == pytest.approx(-9595.0, abs=0.1)


def test_the_gradient_is_that_of_the_likelihood(history):
    known, _ = bgnbd.scaled(history)
    for point in ([0.5, 0.3, 0.6, 0.3], [1.5, 0.2, 0.4, 2.0]):
        start = np.array(point)
        error = check_grad(
            lambda p: pareto_nbd.log_likelihood(p, known)[0], lambda p: pareto_nbd.log_likelihood(p, known)[1], start
        )
        assert error < 1e-5 * np.linalg.norm(pareto_nbd.log_likelihood(start, known)[1])


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0, 200), (1, 30, 200), (12, 100, 400), (300, 390, 400)])
def test_who_is_still_there_follows_from_the_integral_over_the_time_of_leaving(x, t_x, age):
    r, alpha, s, beta = MODEL.r, MODEL.alpha, MODEL.s, MODEL.beta
    # In units of the alive term, so that heavy buyers do not underflow.
    ratio, _ = quad(
        lambda u: s / (beta + u) * ((alpha + age) / (alpha + u)) ** (r + x) * ((beta + age) / (beta + u)) ** s, t_x, age
    )
    (found,) = MODEL.p_alive(*(np.array([float(value)]) for value in (x, t_x, age)))
    assert found == pytest.approx(1 / (1 + ratio), rel=1e-4)


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0, 60), (4, 150, 200)])
def test_the_outlook_agrees_with_a_simulation(x, t_x, age):
    random, draws, days = np.random.default_rng(1), 200_000, 365.0
    known = [np.array([float(value)]) for value in (x, t_x, age)]
    rate = random.gamma(MODEL.r + x, 1 / (MODEL.alpha + age), draws)
    stays = random.exponential(1 / random.gamma(MODEL.s, 1 / (MODEL.beta + age), draws))
    number = random.poisson(rate * np.minimum(stays, days)) * (random.random(draws) < MODEL.p_alive(*known))
    found = MODEL.outlook(*known, days)
    assert found.none[0] == pytest.approx((number == 0).mean(), abs=0.005)
    assert found.orders[0] == pytest.approx(number.mean(), rel=0.02)
    assert found.pairs[0] == pytest.approx((number * (number - 1)).mean(), rel=0.08)
    assert MODEL.expected_orders(*known, days) == pytest.approx(found.orders)


def test_a_handful_of_people_is_refused():
    few = bgnbd.PurchaseHistory(*(np.ones(3) for _ in range(4)))
    with pytest.raises(NotEnoughDataError):
        pareto_nbd.fit(few)
