"""The candidates for lifetime value, each fitted as of a date on nothing that was known only later."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from crm_pipeline.scoring.lifetime import clv_boosting, clv_interval
from crm_pipeline.scoring.lifetime.clv_boosting import Booster
from crm_pipeline.scoring.lifetime.clv_interval import Intervals
from crm_pipeline.scoring.lifetime.clv_past import YEAR_DAYS, Past, Snapshot
from crm_pipeline.scoring.lifetime.clv_value import Forecast, ValueModel
from crm_pipeline.scoring.lifetime.mbgcnbd import MbgCnbd
from crm_pipeline.scoring.lifetime.purchases import People
from crm_pipeline.scoring.model import Floats, NotEnoughDataError

BGNBD = "bgnbd_gamma_gamma"
MBGNBD = "mbgnbd_gamma_gamma"
"""As BG/NBD, but people may leave after their first order already (Batislam, Denizel and Filiztekin, 2007)."""
PARETO = "pareto_nbd_gamma_gamma"
"""People leave at a time of their own, whenever they order."""
REGULAR = "mbgcnbd_gamma_gamma"
"""As MBG/NBD, for people who buy more regularly than at random; where they do not, it learnt nothing of its own."""
WITH_LAST_YEAR, WITH_RATE = "mean_with_last_year", "mean_with_rate_so_far"
"""Mean of MBG/NBD's forecast and of a naive one: forecasts with different errors, combined (Bates and Granger, The
Combination of Forecasts, 1969). It helps where trade is seasonal: the model knows no seasons."""
BOOSTING = "gradient_boosting"
"""MBG/NBD's forecast times what gradient boosting has learnt that it misses (`clv_boosting`)."""
CANDIDATES = (BGNBD, MBGNBD, PARETO, REGULAR, WITH_LAST_YEAR, WITH_RATE, BOOSTING)
LAST_YEAR, RATE, NOTHING = "last_year_again", "rate_so_far", "nothing"
BASELINES = (LAST_YEAR, RATE, NOTHING)
_NAIVE_HALF = {WITH_LAST_YEAR: LAST_YEAR, WITH_RATE: RATE}


@dataclass(frozen=True)
class FittedClv:
    """A candidate as of a date; nothing is refitted when it forecasts.

    `days` is the hold-out that booster and intervals have learnt from.
    """

    candidate: str
    value: ValueModel
    booster: Booster
    intervals: Intervals
    days: int

    def forecast(self, people: People, days: float) -> Forecast:
        """Return what is to be expected of the coming `days`, before discount."""
        plain = self.value.forecast(people, days)
        if self.candidate in _NAIVE_HALF:
            return plain.times(_towards(naive(people, days)[_NAIVE_HALF[self.candidate]], plain.expected))
        features = clv_boosting.feature_matrix(people, self.value, self.days)
        return plain.times(self.booster.factor(features))

    @property
    def learnt(self) -> bool:
        """Whether there was anything to learn from: else it is the model that it stands on, under another name."""
        if self.candidate == REGULAR:
            return isinstance(self.value.orders, MbgCnbd)
        return self.candidate != BOOSTING or self.booster.trees is not None


def naive(people: People, days: float) -> dict[str, Floats]:
    """Return the naive forecasts of the coming `days`.

    They are the margin of the last year for as many days, the margin per day since the first order (of people who came
    within as many days: as much again as so far), and nothing for everybody.
    """
    return {
        LAST_YEAR: people.margin_365d * (days / YEAR_DAYS),
        RATE: people.margin_historic * (days / np.maximum(people.age, days)),
        NOTHING: np.zeros(len(people)),
    }


def fit(past: Past, candidate: str, cutoff: date, seed: int) -> FittedClv:
    """Fit a candidate to what was known at a snapshot's cutoff; once, however often it is asked for.

    Raises:
        NotEnoughDataError: if its model of orders cannot be fitted.
    """
    key = (candidate, cutoff, seed)
    if key not in past.fits:
        past.fits[key] = _fit(past, candidate, cutoff, seed)
    return past.fits[key]


def _fit(past: Past, candidate: str, cutoff: date, seed: int) -> FittedClv:
    ended = past.ended_by(cutoff)
    boosts = candidate == BOOSTING
    booster = clv_boosting.fit([snapshot.sample for snapshot in ended], seed) if boosts and ended else Booster(None)
    value = _value(candidate, past.snapshots[cutoff])
    try:
        intervals = _intervals(candidate, ended[0], seed) if ended else clv_interval.UNCALIBRATED
    except NotEnoughDataError:
        intervals = clv_interval.UNCALIBRATED
    return FittedClv(candidate, value, booster, intervals, past.days)


def _intervals(candidate: str, snapshot: Snapshot, seed: int) -> Intervals:
    """Learn the intervals from the newest snapshot whose hold-out has ended, boosted by trees that saw others."""
    plain = FittedClv(
        candidate, _value(candidate, snapshot), Booster(None), clv_interval.UNCALIBRATED, snapshot.days
    ).forecast(snapshot.people, snapshot.days)
    if candidate == BOOSTING:
        plain = plain.times(clv_boosting.out_of_fold_factors(snapshot.sample, seed))
    return clv_interval.calibrate(plain, snapshot.actual)


def _value(candidate: str, snapshot: Snapshot) -> ValueModel:
    own = {BGNBD: "bgnbd", PARETO: "pareto", REGULAR: "regular"}
    value: ValueModel = getattr(snapshot, own.get(candidate, "mbgnbd"))
    return value


def _towards(other: Floats, expected: Floats) -> Floats:
    """Return by what to multiply a forecast to come to its mean with another; nothing expected stays nothing."""
    other = np.maximum(other, 0.0)
    return (1 + np.divide(other, expected, out=np.zeros_like(other), where=expected > 0)) / 2
