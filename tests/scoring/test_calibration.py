"""Calibration brings probabilities back to what comes true, and leaves those alone that are true already."""

import numpy as np
import pytest
from scipy.special import expit, logit

from crm_pipeline.scoring.questions import calibration


def drawn(people, seed):
    random = np.random.default_rng(seed)
    truth = random.beta(1, 1, people)
    return truth, (random.random(people) < truth).astype(np.int64)


def slices(distort, people=6000):
    both = [drawn(people, seed) for seed in (1, 2)]
    return [distort(truth) for truth, _ in both], [came for _, came in both]


def test_true_probabilities_are_left_alone():
    assert calibration.choose(*slices(lambda truth: truth)).method == "none"


def test_overconfidence_is_taken_back_by_temperature():
    chosen = calibration.choose(*slices(lambda truth: expit(3 * logit(truth))))
    assert chosen.method == "temperature"
    assert chosen(expit(3 * logit(np.array([0.2, 0.5, 0.9])))) == pytest.approx([0.2, 0.5, 0.9], abs=0.02)


def test_a_shifted_level_needs_the_sigmoid():
    chosen = calibration.choose(*slices(lambda truth: expit(logit(truth) + 1)))
    assert chosen.method == "sigmoid"
    assert chosen(expit(logit(np.array([0.2, 0.5, 0.9])) + 1)) == pytest.approx([0.2, 0.5, 0.9], abs=0.02)


def test_a_bent_curve_needs_isotonic_regression():
    assert (
        calibration.choose(*slices(lambda truth: np.where(truth < 0.5, truth / 4, 0.5 + truth / 2))).method
        == "isotonic"
    )


def test_a_level_that_one_slice_alone_has_is_not_carried_over():
    (first, came), (second, later) = drawn(6000, 1), drawn(6000, 2)
    assert calibration.choose([expit(logit(first) + 0.5), expit(logit(second) - 0.5)], [came, later]).method in (
        "none",
        "temperature",
    )


def test_without_any_slice_nothing_is_changed():
    assert calibration.choose([], [])(np.array([0.1, 0.9])).tolist() == [0.1, 0.9]


def test_the_error_by_chance_is_what_true_probabilities_measure():
    measured = []
    for seed in range(40):
        truth, came = drawn(1000, seed)
        measured.append(calibration.error(came, truth))
    assert np.mean(measured) == pytest.approx(calibration.error_by_chance(drawn(1000, 0)[0]), rel=0.1)
