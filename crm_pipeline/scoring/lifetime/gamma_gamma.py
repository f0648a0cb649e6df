"""Gamma-Gamma: what an order is worth, from the mean of a person's orders (Fader, Hardie and Lee, 2005).

The value of one order is gamma distributed with shape p and a rate that differs between people (gamma: q, gamma).
Where values do not tell people apart, as with one price for all, there is still their mean.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln, psi

from crm_pipeline.scoring.lifetime.likelihood import Observed, at_bound, maximise
from crm_pipeline.scoring.model import Floats, NotEnoughDataError

MIN_PEOPLE = 100
_STARTS = ((2.0, 3.0, 2.0), (6.0, 4.0, 0.5), (1.0, 2.0, 1.0))


class DegenerateValuesError(NotEnoughDataError):
    """The values of orders have no spread to learn from; `mean` is what can be said without it."""

    def __init__(self, mean: "MeanValue") -> None:
        """Say so, and what is left to say."""
        super().__init__("The values of orders do not tell people apart (degenerate optimum).")
        self.mean = mean


class OrderValue(Protocol):
    """What an order is worth, by person: x repeat order days with their mean value."""

    def expected_value(self, x: Floats, mean_value: Floats) -> Floats:
        """Return the expected value of a coming order."""

    def second_moments(self, x: Floats, mean_value: Floats) -> tuple[Floats, Floats]:
        """Return the expectation of the square of a coming order, and of the product of two of the same person."""


@dataclass(frozen=True)
class MeanValue:
    """The plain mean: each person's own where everybody always pays the same (`own`), else that of all people.

    `square` is the mean square over people, which is what is known of those who never came back.
    """

    mean: float
    square: float
    own: bool

    def expected_value(self, x: Floats, mean_value: Floats) -> Floats:
        """Return the expected value of a coming order."""
        return np.where((x > 0) & self.own, mean_value, self.mean)

    def second_moments(self, x: Floats, mean_value: Floats) -> tuple[Floats, Floats]:
        """Return the expectation of the square of a coming order, and of the product of two of the same person."""
        known = (x > 0) & self.own
        square = np.where(known, mean_value**2, self.square)
        return square, square if self.own else np.full_like(square, self.mean**2)


@dataclass(frozen=True)
class GammaGamma:
    """A fitted Gamma-Gamma model; `gamma` is in the money unit of the values."""

    p: float
    q: float
    gamma: float
    log_likelihood: float

    def expected_value(self, x: Floats, mean_value: Floats) -> Floats:
        """Return the expected value of a coming order; x = 0 gives the mean of all people."""
        return self.p * (self.gamma + x * mean_value) / (self.p * x + self.q - 1)

    def second_moments(self, x: Floats, mean_value: Floats) -> tuple[Floats, Floats]:
        """Return the expectation of the square of a coming order, and of the product of two of the same person."""
        _, second = self.inverse_rate_moments(x, mean_value)
        return (self.p**2 + self.p) * second, self.p**2 * second

    def inverse_rate_moments(self, x: Floats, mean_value: Floats) -> tuple[Floats, Floats]:
        """Return E[1/rate] and E[1/rate^2] of a person's rate, which give mean and variance of a sum of orders.

        With q <= 2 the variance over new people does not exist; the shape is then held at 2.1, which keeps the
        interval wide and finite.
        """
        shape = self.p * x + self.q
        rate = self.gamma + x * mean_value
        first = rate / (shape - 1)
        second_shape = np.maximum(shape - 2, 0.1)
        return first, first * rate / second_shape


def log_likelihood(parameters: Floats, x: Floats, mean_value: Floats, people: Floats) -> tuple[float, Floats]:
    """Return the weighted log-likelihood and its gradient by (p, q, gamma)."""
    p, q, gamma = parameters
    total = x * mean_value
    log_rate = np.log(gamma + total)
    values = (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(gamma)
        + (p * x - 1) * np.log(mean_value)
        + p * x * np.log(x)
        - (p * x + q) * log_rate
    )
    by_p = x * (psi(p * x + q) - psi(p * x) + np.log(total) - log_rate)
    by_q = psi(p * x + q) - psi(q) + np.log(gamma) - log_rate
    by_gamma = q / gamma - (p * x + q) / (gamma + total)
    return float((people * values).sum()), np.array([float((people * part).sum()) for part in (by_p, by_q, by_gamma)])


def fit(x: Floats, mean_value: Floats, people: Floats) -> GammaGamma:
    """Fit the model to repeat buyers: x order days, their mean value (above 0), and how many people have this pair.

    Raises:
        DegenerateValuesError: if the values tell nobody apart.
        NotEnoughDataError: if there are too few people, or values without a mean.
    """
    count = float(people.sum())
    if count < MIN_PEOPLE:
        raise NotEnoughDataError(f"Needs {MIN_PEOPLE} repeat buyers with a margin above 0; has {count:.0f}.")
    scale = float((people * mean_value).sum()) / count
    scaled = mean_value / scale

    def observe(chosen: slice) -> Observed:
        part = x[chosen], scaled[chosen], people[chosen]
        return Observed(lambda candidate: log_likelihood(candidate, *part), float(part[-1].sum()))

    parameters, best = maximise(observe, len(x), _STARTS)
    p, q, gamma = (float(value) for value in parameters)
    if any(at_bound(value) for value in (p, q, gamma)):
        raise DegenerateValuesError(_mean(x, mean_value, people, own=at_bound(p) and p > 1))
    if q <= 1:
        raise NotEnoughDataError("The values of orders are so unequal that their mean does not exist (q <= 1).")
    return GammaGamma(p, q, gamma * scale, best - count * float(np.log(scale)))


def _mean(x: Floats, mean_value: Floats, people: Floats, own: bool) -> MeanValue:
    orders = people * x
    mean = float((orders * mean_value).sum() / orders.sum())
    square = float((people * mean_value**2).sum() / people.sum())
    return MeanValue(mean, max(square, mean**2), own)
