"""The candidates for lifetime value, each fitted as of a date on nothing that was known only later."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from crm_pipeline.scoring.lifetime import clv_boosting, clv_interval
from crm_pipeline.scoring.lifetime.clv_boosting import Booster
from crm_pipeline.scoring.lifetime.clv_interval import Intervals
from crm_pipeline.scoring.lifetime.clv_past import YEAR_DAYS, Past, Snapshot
from crm_pipeline.scoring.lifetime.clv_value import Forecast, ValueModel
from crm_pipeline.scoring.lifetime.purchases import People
from crm_pipeline.scoring.model import Floats

BGNBD = "bgnbd_gamma_gamma"
MBGNBD = "mbgnbd_gamma_gamma"
"""As BG/NBD, but people may leave after their first order already (Batislam, Denizel and Filiztekin, 2007)."""
COMBINED = "combined_with_last_year"
"""Geometric mean of BG/NBD's forecast and of last year's margin again: forecasts with different errors, combined
(Bates and Granger, The Combination of Forecasts, 1969). It helps where trade is seasonal: BG/NBD knows no seasons."""
BOOSTING = "gradient_boosting"
"""MBG/NBD's forecast times what gradient boosting has learnt that it misses (`clv_boosting`)."""
CANDIDATES = (BGNBD, MBGNBD, COMBINED, BOOSTING)
LAST_YEAR = "last_year_again"


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
        if self.candidate == COMBINED:
            return plain.times(_towards_last_year(plain.expected, people, days))
        features = clv_boosting.feature_matrix(people, self.value, self.days)
        return plain.times(self.booster.factor(features))


def last_year_again(people: People, days: float) -> Floats:
    """Return the naive forecast: the margin of the last year, for as many days."""
    return people.margin_365d * (days / YEAR_DAYS)


def fit(past: Past, candidate: str, cutoff: date, seed: int) -> FittedClv:
    """Fit a candidate to what was known at a snapshot's cutoff; once, however often it is asked for."""
    key = (candidate, cutoff, seed)
    if key not in past.fits:
        past.fits[key] = _fit(past, candidate, cutoff, seed)
    return past.fits[key]


def _fit(past: Past, candidate: str, cutoff: date, seed: int) -> FittedClv:
    ended = past.ended_by(cutoff)
    boosts = candidate == BOOSTING
    booster = clv_boosting.fit([snapshot.sample for snapshot in ended], seed) if boosts and ended else Booster(None)
    intervals = _intervals(candidate, ended[0], seed) if ended else clv_interval.UNCALIBRATED
    return FittedClv(candidate, _value(candidate, past.snapshots[cutoff]), booster, intervals, past.days)


def _intervals(candidate: str, snapshot: Snapshot, seed: int) -> Intervals:
    """Learn the intervals from the newest snapshot whose hold-out has ended, boosted by trees that saw others."""
    plain = FittedClv(
        candidate, _value(candidate, snapshot), Booster(None), clv_interval.UNCALIBRATED, snapshot.days
    ).forecast(snapshot.people, snapshot.days)
    if candidate == BOOSTING:
        plain = plain.times(clv_boosting.out_of_fold_factors(snapshot.sample, seed))
    return clv_interval.calibrate(plain, snapshot.actual)


def _value(candidate: str, snapshot: Snapshot) -> ValueModel:
    return snapshot.mbgnbd if candidate in (MBGNBD, BOOSTING) else snapshot.bgnbd


def _towards_last_year(expected: Floats, people: People, days: float) -> Floats:
    again = np.maximum(last_year_again(people, days), 0.0)
    return np.sqrt(np.divide(again, expected, out=np.zeros_like(again), where=expected > 0))
