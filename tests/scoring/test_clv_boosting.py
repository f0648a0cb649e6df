"""What boosting adds to lifetime value: a factor that follows the data and never runs away."""

import numpy as np
import pytest

from crm_pipeline.scoring.lifetime import clv_boosting
from crm_pipeline.scoring.lifetime.clv_boosting import FEATURES, Sample

PEOPLE = 20_000


def sample(expected, actual):
    """People who differ in `p_alive` alone, the two groups of the arguments one after the other."""
    features = np.zeros((PEOPLE, len(FEATURES)))
    features[:, FEATURES.index("p_alive")] = np.repeat([0.001, 0.9], PEOPLE // 2)
    return Sample(features, np.repeat(expected, PEOPLE // 2), actual)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_the_factor_is_that_of_what_came_to_what_was_expected(ratio):
    learnt = sample([10.0, 20.0], np.repeat([10.0 * ratio, 20.0], PEOPLE // 2))
    factors = clv_boosting.fit([learnt], 1).factor(learnt.features)
    assert factors[0] == pytest.approx(ratio, rel=0.05)
    assert factors[-1] == pytest.approx(1.0, rel=0.05)


def test_people_taken_for_gone_who_order_again_do_not_make_the_factor_run_away():
    actual = np.repeat([0.0, 20.0], PEOPLE // 2)
    actual[:100] = 30.0  # one in a hundred of those of whom next to nothing was expected
    learnt = sample([1e-4, 20.0], actual)
    factors = clv_boosting.fit([learnt], 1).factor(learnt.features)
    assert factors.max() < 1 / clv_boosting.LEAST_SHARE
    assert factors[-1] == pytest.approx(1.0, rel=0.05)
