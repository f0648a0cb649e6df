"""Differences of means: against scipy, a published comparison, and the regression that CUPED amounts to."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from crm_pipeline.scoring.effects import Moments, cuped, difference, figures


def groups(seed, treated=80, control=50, effect=3.0):
    """People whose outcome follows from what they did before, and from being treated: (treated?, before, after)."""
    random = np.random.default_rng(seed)
    is_treated = np.arange(treated + control) < treated
    before = random.gamma(1.0, 20.0, treated + control).round(2)
    after = (0.6 * before + effect * is_treated + random.normal(0, 5 + 5 * is_treated)).round(2)
    return is_treated, before, after


def moments(before, after):
    x, y = ([Fraction(value) for value in values.tolist()] for values in (before, after))
    sums = [sum(one * other for one, other in zip(a, b, strict=True)) for a, b in ((y, y), (x, x), (x, y))]
    return Moments(len(x), sum(y), sums[0], sum(x), sums[1], sums[2])


def both(is_treated, before, after):
    return [moments(before[mask], after[mask]) for mask in (is_treated, ~is_treated)]


@pytest.mark.parametrize("seed", range(5))
def test_a_difference_is_that_of_welchs_test(seed):
    is_treated, before, after = groups(seed)
    expected = stats.ttest_ind(after[is_treated], after[~is_treated], equal_var=False)
    interval = expected.confidence_interval()
    found = difference(*both(is_treated, before, after))
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("seed", range(5))
def test_the_corrected_effect_is_that_of_a_regression_on_the_measure_before(seed):
    is_treated, before, after = groups(seed)
    design = np.column_stack([np.ones(len(after)), is_treated, before])
    (_, effect, slope), *_ = np.linalg.lstsq(design, after, rcond=None)
    found = cuped(*both(is_treated, before, after))
    assert found.value == pytest.approx(effect)
    corrected = after - slope * before
    expected = stats.ttest_ind(corrected[is_treated], corrected[~is_treated], equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    plain = stats.ttest_ind(after[is_treated], after[~is_treated], equal_var=False)
    narrower = np.ptp(expected.confidence_interval()) / np.ptp(plain.confidence_interval())
    assert found.variance_reduction == pytest.approx(1 - narrower**2, rel=0.01)


def test_the_variance_falls_by_the_squared_correlation_as_published():
    # A. Deng et al. (2013), formula 5: var(corrected) = var(plain) (1 - correlation squared), with no effect.
    is_treated, before, after = groups(3, treated=4_000, control=4_000, effect=0.0)
    correlation = np.corrcoef(before, after)[0, 1]
    assert cuped(*both(is_treated, before, after)).variance_reduction == pytest.approx(correlation**2, abs=0.02)


def test_an_effect_is_not_mistaken_for_history():
    """Who was treated did more before by chance; a slope over all people together would take the effect for that."""
    before = np.array([10.0, 12, 14, 16, 0, 2, 4, 6])
    after = before + np.array([20.0] * 4 + [0] * 4) + np.array([1, -1, -1, 1] * 2)
    assert cuped(*both(np.arange(8) < 4, before, after)).value == pytest.approx(20)


def test_card_and_krueger_found_so():
    # D. Card, A. Krueger, Minimum wages and employment, AER 1994, table 3, row 4: employment changed by 0.59 in New
    # Jersey (standard error 0.54) and by -2.16 in Pennsylvania (1.25): a difference of 2.76 (1.36).
    def state(mean, error, stores):
        values = np.tile([-1.0, 1.0], stores // 2)
        values *= error * np.sqrt(stores) / values.std(ddof=1)
        return Moments.of((mean + values).tolist())

    found = difference(state(0.59, 0.54, 320), state(-2.16, 1.25, 76))
    assert found.value == pytest.approx(2.76, abs=0.011)
    assert found.error == pytest.approx(1.36, abs=0.005)


def test_large_amounts_lose_no_digit():
    """In floating point the squares of such amounts would leave nothing of a variance of a few cents."""
    small = np.array([0.01, 0.02, 0.04, 0.02])
    apart = [Moments.of(values) for values in (small + 1.0, small[::-1])]
    far = [Moments.of([10**12 + Fraction(value) for value in values]) for values in (small + 1.0, small[::-1])]
    assert difference(*far) == difference(*apart)


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0]])
def test_without_any_variation_there_is_no_effect_to_tell(values):
    assert difference(Moments.of(values), Moments.of(values)) is None
    assert figures(None, "a_") == dict.fromkeys(("a_effect", "a_effect_lower", "a_effect_upper", "a_p_value"))


def test_who_did_nothing_before_needs_no_correction():
    is_treated, _, after = groups(1)
    assert cuped(*both(is_treated, np.zeros(len(after)), after)) is None
