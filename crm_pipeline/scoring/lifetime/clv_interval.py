"""An 80 % interval around a predicted margin, sized by how earlier predictions turned out (split conformal).

A person's interval grows out of their predictive distribution. Where an order is all but certain (`none` below 10 %)
it leaves out as much below as above. Elsewhere it begins at nothing and leaves out only what lies above: nothing at
all is a likely outcome then, and an interval that named the least margin of those who buy would leave it out. So an
interval [0, 0] is possible, for people who have almost certainly left; it holds whenever they buy nothing, which is
more often than 80 %.

How much of the distribution an interval has to hold is learnt at an origin whose horizon has ended, from people whom
the prediction had not seen, in groups of equal size by predicted margin (Mondrian conformal prediction: Vovk, Gammerman
and Shafer, Algorithmic Learning in a Random World, 2005, chapter 4). The promise is for all people together: 80 %.
Since those who have almost certainly left are above it whatever is said of them, the groups aim at less, by the same
for all, until it is kept, but never below 75 %.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_pipeline.scoring.lifetime.clv_value import Forecast
from crm_pipeline.scoring.model import Floats

COVERAGE = 0.8
AIMS = (0.8, 0.79, 0.78, 0.77, 0.76, 0.75)
LIKELY_NOTHING = 0.1
GROUPS = 5
MIN_GROUP = 50


@dataclass(frozen=True)
class Intervals:
    """The mass of the predictive distribution that each group of predicted margins needs; `edges` part the groups.

    Where nothing had come true yet they are not `calibrated`: the mass is then what the models themselves promise.
    """

    edges: Floats
    masses: Floats
    calibrated: bool = True

    def of(self, forecast: Forecast) -> tuple[Floats, Floats]:
        """Return each person's lower and upper end, with the expectation between them."""
        mass = self.masses[np.searchsorted(self.edges, forecast.expected, side="right")]
        below = np.where(forecast.distribution.none < LIKELY_NOTHING, (1 - mass) / 2, 0.0)
        lower, upper = (forecast.distribution.quantile(level) for level in (below, mass + below))
        return np.minimum(lower, forecast.expected), np.maximum(upper, forecast.expected)


UNCALIBRATED = Intervals(np.array([]), np.array([COVERAGE]), calibrated=False)


def calibrate(forecast: Forecast, actual: Floats) -> Intervals:
    """Learn from what came true how much mass the intervals need; too few people leave them uncalibrated."""
    if len(actual) < MIN_GROUP:
        return UNCALIBRATED
    groups = min(GROUPS, len(actual) // MIN_GROUP)
    edges = np.unique(np.quantile(forecast.expected, np.arange(1, groups) / groups))
    group = np.searchsorted(edges, forecast.expected, side="right")
    needed = _needed_mass(forecast, actual)
    masses = np.full(len(edges) + 1, COVERAGE)
    for aim in AIMS:
        masses = np.array([_conformal_quantile(needed[group == number], aim) for number in range(len(edges) + 1)])
        if np.mean(needed <= masses[group]) <= COVERAGE:
            break
    return Intervals(edges, masses)


def holds(interval: tuple[Floats, Floats], actual: Floats) -> npt.NDArray[np.bool_]:
    """Tell for each person whether the interval holds what came: lower <= actual <= upper, to the penny."""
    lower, upper = interval
    return (actual >= lower - 0.005) & (actual <= upper + 0.005)


def _needed_mass(forecast: Forecast, actual: Floats) -> Floats:
    """Return the least mass with which each person's interval holds what came."""
    distribution = forecast.distribution
    level = distribution.cdf(np.maximum(actual, 0.0))
    middle = np.abs(2 * np.where(actual > 0, level, distribution.none / 2) - 1)
    return np.where(distribution.none < LIKELY_NOTHING, middle, np.where(actual > 0, level, 0.0))


def _conformal_quantile(needed: Floats, aim: float) -> float:
    if not len(needed):
        return aim
    place = min(int(np.ceil((len(needed) + 1) * aim)), len(needed))
    return float(np.sort(needed)[place - 1])
