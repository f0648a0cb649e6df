"""MBG/CNBD-k: MBG/NBD where k is 1, a simulation elsewhere, and what regular buyers order in the end."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.optimize import check_grad

from crm_pipeline.scoring.lifetime import bgnbd, mbgcnbd, purchases
from crm_pipeline.scoring.lifetime.mbgcnbd import MbgCnbd

MODEL = MbgCnbd(3, 1.5, 20.0, 0.8, 6.0, 0.0)
CUTOFF, END = 540.0, 905.0


def drawn(people, k, seed):
    """Order days of people who leave after an order, or buy on with gaps that are Erlang-k; first days spread out."""
    random = np.random.default_rng(seed)
    rate, leaves = random.gamma(1.2, 1 / 25, people) * k, random.beta(0.8, 8.0, people)
    found = []
    for first, one, leaving in zip(random.uniform(0, 360, people), rate, leaves, strict=True):
        gaps = random.gamma(k, 1 / one, random.geometric(leaving) - 1)
        days = first + np.concatenate([[0.0], np.cumsum(gaps)])
        found.append(np.unique(np.floor(days[days < END])))
    return found


def known(days):
    seen = [one[one <= CUTOFF] for one in days]
    rows = [(len(one) - 1, one[-1] - one[0], CUTOFF - one[0]) for one in seen]
    return bgnbd.PurchaseHistory(*np.array(rows, dtype=float).T, np.ones(len(rows)))


@pytest.fixture(scope="module")
def cdnow_history(cdnow):
    tuples = purchases.history_tuples(purchases.purchase_history(cdnow, date(1997, 9, 30), 1000).read_all())
    return bgnbd.PurchaseHistory(*(tuples[name].to_numpy().astype(float) for name in ("x", "t_x", "age", "people")))


def test_cdnow_with_k_of_one_gives_what_r_gives_for_mbgnbd(cdnow_history):
    # BTYDplus on the same customers: r .525, alpha 6.183 weeks, a .891, b 1.614.
    model = mbgcnbd.fit(cdnow_history, 1)
    assert (model.r, model.alpha / 7, model.a, model.b) == pytest.approx((0.525, 6.183, 0.891, 1.614), rel=1e-3)
    plain, state = (
        bgnbd.fit(cdnow_history, leaves_at_once=True),
        (cdnow_history.x, cdnow_history.t_x, cdnow_history.age),
    )
    ours, theirs = (one.outlook(*state, 273.0) for one in (model, plain))
    for part in ("none", "orders", "pairs"):
        assert getattr(ours, part) == pytest.approx(getattr(theirs, part), rel=1e-4, abs=1e-6)
    assert model.next_order_days(*state) == pytest.approx(plain.next_order_days(*state), rel=1e-4)


def test_nobody_of_cdnow_buys_regularly(cdnow):
    _, variance = purchases.gap_shares(cdnow, date(1997, 9, 30))
    assert mbgcnbd.regularity(variance) == 1


@pytest.mark.parametrize("k", [1, 3])
def test_the_gradient_is_that_of_the_likelihood(cdnow_history, k):
    part, _ = bgnbd.scaled(cdnow_history)
    start = np.array([0.5, 0.3, 0.6, 1.3])
    error = check_grad(
        lambda p: mbgcnbd.log_likelihood(p, part, k)[0], lambda p: mbgcnbd.log_likelihood(p, part, k)[1], start
    )
    assert error < 1e-5 * np.linalg.norm(mbgcnbd.log_likelihood(start, part, k)[1])


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0, 10), (6, 90, 100), (6, 60, 100)])
def test_the_outlook_agrees_with_a_simulation(x, t_x, age):
    random, draws, days = np.random.default_rng(2), 300_000, 120.0
    # Given the rate and the chance to leave: still there and no order since, with a gap that is Erlang-k.
    shape = MODEL.r + MODEL.k * x
    rate = random.gamma(shape, 1 / (MODEL.alpha + t_x), draws)
    leaves = random.beta(MODEL.a, MODEL.b + x, draws)
    there = random.random(draws) >= leaves
    gap = random.gamma(MODEL.k, 1 / rate)
    possible = ~there | (gap > age - t_x)
    counts = np.zeros(draws)
    clock, going = t_x + gap, there.copy()
    while (going := going & (clock <= age + days)).any():
        counts += going
        going &= random.random(draws) >= leaves
        clock = clock + random.gamma(MODEL.k, 1 / rate)
    counts = counts[possible]
    state = [np.array([float(value)]) for value in (x, t_x, age)]
    found = MODEL.outlook(*state, days)
    assert MODEL.p_alive(*state)[0] == pytest.approx(there[possible].mean(), abs=0.005)
    assert found.none[0] == pytest.approx((counts == 0).mean(), abs=0.006)
    assert found.orders[0] == pytest.approx(counts.mean(), rel=0.02)
    assert found.pairs[0] == pytest.approx((counts * (counts - 1)).mean(), rel=0.04)
    waits = (t_x + gap - age)[there & possible]
    assert MODEL.next_order_days(*state)[0] == pytest.approx(np.median(waits), rel=0.06)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_how_regular_buying_is_shows_in_the_gaps(k):
    random = np.random.default_rng(k)
    one, other = random.gamma(k, 1.0, (2, 20_000))
    assert mbgcnbd.regularity(float(((one / (one + other) - 0.5) ** 2).mean())) == k


def test_regular_buyers_are_forecast_within_five_percent_in_total(world):
    days = drawn(4_000, k=2, seed=5)
    start = date(2021, 1, 1)
    rows = [(key, start + timedelta(days=int(day)), True, 20.0) for key, one in enumerate(days) for day in one]
    shop = world.warehouse(world.orders_table(rows), start + timedelta(days=int(END)))
    pairs, variance = purchases.gap_shares(shop, start + timedelta(days=int(CUTOFF)))
    assert pairs > 2_000
    assert mbgcnbd.regularity(variance) == 2
    came, history = sum(int((one > CUTOFF).sum()) for one in days), known(days)
    state = (history.x, history.t_x, history.age, END - CUTOFF)
    regular = mbgcnbd.fit(history, 2).expected_orders(*state).sum()
    assert regular == pytest.approx(came, rel=0.05)
    at_random = bgnbd.fit(history, leaves_at_once=True).expected_orders(*state).sum()
    assert abs(at_random - came) > abs(regular - came)
