"""Drift: the stability index on distributions whose value can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.scoring import drift
from crm_pipeline.scoring.model import Inputs


def test_two_bins_give_the_index_of_the_textbook():
    then = {"edges": [0.5], "shares": [0.6, 0.4, 0.0]}
    now = np.array([0.0] * 3 + [1.0] * 7)
    expected = -0.3 * np.log(0.3 / 0.6) + 0.3 * np.log(0.7 / 0.4)
    assert drift.stability_index(then, now) == pytest.approx(expected, abs=1e-5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_a_distribution_has_not_moved_from_itself(values):
    array = np.array(values)
    assert drift.stability_index(drift.profile(array), array) == 0


def test_a_channel_that_stops_is_drift():
    then = drift.profile(np.arange(100.0))
    assert drift.stability_index(then, np.full(100, np.nan)) > drift.LIMIT


def test_the_most_moved_input_stands_first():
    random = np.random.default_rng(1)
    then = drift.profiles(Inputs(("a", "b"), random.normal(size=(5000, 2))))
    now = Inputs(("a", "b", "new"), random.normal([0, 2, 0], size=(5000, 3)))
    found = drift.table(then, now)
    assert list(found) == ["b", "a"]
    assert drift.moved(found) == ["b"]
