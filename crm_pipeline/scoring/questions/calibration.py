"""Calibration: making the predicted probabilities come true, by the method that does so best on later, unseen time.

Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, 2017) and Platt's sigmoid (1999) work on the
log odds and keep the ranking; isotonic regression (Zadrozny and Elkan, 2002) takes any rising shape and makes ties.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from crm_pipeline.scoring.model import Floats

Labels = npt.NDArray[np.int64]

METHODS = ("none", "temperature", "sigmoid", "isotonic")
"""Simplest first: a method replaces an earlier one only where it is better by more than the chance of a few people."""
_DIGITS = 3  # of the Brier score
_PARTS = 5
_NEARLY = 1e-6  # no log odds of 0 or 1


@dataclass(frozen=True)
class Calibration:
    """A fitted method; `none` leaves the probabilities as they are."""

    method: str = "none"
    estimator: Any = None

    def __call__(self, probability: Floats) -> Floats:
        """Return calibrated probabilities."""
        if self.estimator is None:
            return probability
        if self.method == "isotonic":
            return self.estimator.predict(probability)
        return self.estimator.predict_proba(log_odds(probability).reshape(-1, 1))[:, 1]


def choose(said: Sequence[Floats], came: Sequence[Labels]) -> Calibration:
    """Fit the method with the lowest Brier score on slices of time that it has not seen.

    Args:
        said: probabilities by slice, predicted for later time than the predicting fit had seen.
        came: what then came.

    Returns:
        The method fitted on all slices. A single slice is judged by parts of its people instead; without any, nothing
        is changed.
    """
    if len(said) == 1:
        parts = [np.arange(len(said[0])) % _PARTS == part for part in range(_PARTS)]
        said, came = [said[0][part] for part in parts], [came[0][part] for part in parts]
    if not said or any(len(np.unique(labels)) < 2 for labels in came):
        return Calibration()
    losses = {method: _loss(method, said, came) for method in METHODS}
    best = min(METHODS, key=lambda method: round(losses[method], _DIGITS))
    return fit(best, np.concatenate(said), np.concatenate(came))


def fit(method: str, probability: Floats, labels: Labels) -> Calibration:
    """Fit one method."""
    if method == "none":
        return Calibration()
    if method == "isotonic":
        return Calibration(method, IsotonicRegression(out_of_bounds="clip").fit(probability, labels))
    regression = LogisticRegression(C=1e6, fit_intercept=method == "sigmoid")
    return Calibration(method, regression.fit(log_odds(probability).reshape(-1, 1), labels))


def log_odds(probability: Floats) -> Floats:
    """Return ln(p / (1 - p)), bounded."""
    return logit(np.clip(probability, _NEARLY, 1 - _NEARLY))


def error(labels: Labels, probability: Floats) -> float:
    """Return the calibration error: mean distance of predicted and observed share in ten groups of equal size."""
    gaps = [len(group) * abs(probability[group].mean() - labels[group].mean()) for group in _tenths(probability)]
    return float(np.sum(gaps) / len(labels))


def error_by_chance(probability: Floats) -> float:
    """Return the calibration error to expect where every probability is true: what remains is the chance of few people.

    The observed share of a group is about normal with variance sum(p (1 - p)) / n^2, and a normal variable's mean
    distance from its mean is sqrt(2 / pi) standard deviations.
    """
    spread = [np.sqrt((probability[group] * (1 - probability[group])).sum()) for group in _tenths(probability)]
    return float(np.sqrt(2 / np.pi) * np.sum(spread) / len(probability))


def _tenths(probability: Floats) -> list[npt.NDArray[np.int64]]:
    return [group for group in np.array_split(np.argsort(probability, kind="stable"), 10) if len(group)]


def _loss(method: str, said: Sequence[Floats], came: Sequence[Labels]) -> float:
    """Return the mean Brier score on each slice, calibrated by the others."""
    found = []
    for place, (probability, labels) in enumerate(zip(said, came, strict=True)):
        others = [number for number in range(len(said)) if number != place]
        fitted = fit(method, np.concatenate([said[n] for n in others]), np.concatenate([came[n] for n in others]))
        found.append(((fitted(probability) - labels) ** 2).mean())
    return float(np.mean(found))
