"""The value of an order: published estimates, Bayes' rule, and data on which it must refuse."""

from datetime import date

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import gamma as gamma_distribution

from crm_pipeline.scoring.lifetime import gamma_gamma, purchases
from crm_pipeline.scoring.model import NotEnoughDataError


@pytest.fixture(scope="module")
def cdnow_values(cdnow):
    # The order tables' margin is 40 % of the revenue: the estimates are for revenue, so it is undone here.
    tuples = purchases.value_tuples(purchases.purchase_history(cdnow, date(1997, 9, 30), 1000).read_all())
    x, mean_value, people = (tuples[name].to_numpy().astype(float) for name in ("x", "mean_value", "people"))
    return x, mean_value / 0.4, people


def test_cdnow_gives_the_published_estimates(cdnow_values):
    model = gamma_gamma.fit(*cdnow_values)
    assert cdnow_values[2].sum() == 946
    assert (model.p, model.q, model.gamma) == pytest.approx((6.25, 3.74, 15.44), rel=0.01)


def test_the_gradient_is_that_of_the_likelihood(cdnow_values):
    point = np.array([5.0, 3.0, 20.0])
    error = check_grad(
        lambda p: gamma_gamma.log_likelihood(p, *cdnow_values)[0],
        lambda p: gamma_gamma.log_likelihood(p, *cdnow_values)[1],
        point,
    )
    assert error < 1e-4 * np.linalg.norm(gamma_gamma.log_likelihood(point, *cdnow_values)[1])


def test_the_expected_value_lies_between_the_person_and_the_population():
    model = gamma_gamma.GammaGamma(6.25, 3.74, 15.44, 0.0)
    mean = model.p * model.gamma / (model.q - 1)
    seen = np.array([0, 1, 5, 500])
    expected = model.expected_value(seen.astype(float), np.full(4, 100.0))
    assert expected[0] == pytest.approx(mean)
    assert (np.diff(expected) > 0).all()
    assert expected[3] == pytest.approx(100, rel=0.01)


def test_inverse_rate_moments_are_those_of_the_posterior():
    model = gamma_gamma.GammaGamma(6.25, 3.74, 15.44, 0.0)
    first, second = model.inverse_rate_moments(np.array([3.0]), np.array([40.0]))
    posterior = gamma_distribution(model.p * 3 + model.q, scale=1 / (model.gamma + 120))
    assert first[0] == pytest.approx(posterior.expect(lambda rate: 1 / rate), rel=1e-5)
    assert second[0] == pytest.approx(posterior.expect(lambda rate: rate**-2), rel=1e-5)


def test_people_who_all_spend_the_same_are_refused():
    with pytest.raises(NotEnoughDataError, match="degenerate"):
        gamma_gamma.fit(np.full(300, 3.0), np.full(300, 20.0), np.ones(300))


def test_too_few_repeat_buyers_are_refused():
    with pytest.raises(NotEnoughDataError, match="has 7"):
        gamma_gamma.fit(np.array([2.0]), np.array([30.0]), np.array([7.0]))


def test_where_all_orders_cost_the_same_their_price_is_left_to_say():
    with pytest.raises(gamma_gamma.DegenerateValuesError) as raised:
        gamma_gamma.fit(np.full(300, 3.0), np.full(300, 20.0), np.ones(300))
    mean, x = raised.value.mean, np.array([0.0, 3.0])
    assert mean.expected_value(x, np.array([0.0, 20.0])) == pytest.approx([20, 20])
    for moment in mean.second_moments(x, np.array([0.0, 20.0])):
        assert moment == pytest.approx([400, 400])


def test_who_always_pays_the_same_goes_on_paying_it_where_others_pay_otherwise():
    with pytest.raises(gamma_gamma.DegenerateValuesError) as raised:
        gamma_gamma.fit(np.full(300, 3.0), np.where(np.arange(300) % 2, 10.0, 30.0), np.ones(300))
    mean, x, seen = raised.value.mean, np.array([0.0, 3.0, 3.0]), np.array([0.0, 10.0, 30.0])
    assert mean.expected_value(x, seen) == pytest.approx([20, 10, 30])
    assert mean.second_moments(x, seen)[0] == pytest.approx([500, 100, 900])


def test_without_own_prices_everybody_is_expected_to_pay_the_mean():
    mean = gamma_gamma.MeanValue(20.0, 500.0, own=False)
    x, seen = np.array([0.0, 3.0]), np.array([0.0, 30.0])
    assert mean.expected_value(x, seen) == pytest.approx([20, 20])
    assert [moment.tolist() for moment in mean.second_moments(x, seen)] == [[500, 500], [400, 400]]


def test_second_moments_are_those_of_the_posterior():
    model, x, seen = gamma_gamma.GammaGamma(6.25, 3.74, 15.44, 0.0), np.array([3.0]), np.array([40.0])
    square, product = model.second_moments(x, seen)
    random = np.random.default_rng(1)
    rate = random.gamma(model.p * 3 + model.q, 1 / (model.gamma + 120), 400_000)
    one, other = (random.gamma(model.p, 1 / rate) for _ in range(2))
    assert square[0] == pytest.approx((one**2).mean(), rel=0.02)
    assert product[0] == pytest.approx((one * other).mean(), rel=0.02)
