"""What the lifetime value model learns from: the shop as it was known at several dates, and what came after each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from crm_pipeline.scoring import orders
from crm_pipeline.scoring.lifetime import bgnbd, clv_boosting, gamma_gamma, mbgcnbd, pareto_nbd, purchases
from crm_pipeline.scoring.lifetime.bgnbd import PurchaseHistory
from crm_pipeline.scoring.lifetime.clv_value import DAYS_PER_MONTH, ValueModel
from crm_pipeline.scoring.lifetime.purchases import People, floats
from crm_pipeline.scoring.model import Floats, NotEnoughDataError, ScoringSettings

MIN_HOLD_OUT_DAYS = 60
YEAR_DAYS = 365
ORIGINS = 3
ORIGIN_STEP_DAYS = 91
BATCH_ROWS = 100_000
MOST_PEOPLE = 70_000
"""Each is learned from in three snapshots, so that these are 210,000 rows."""


@dataclass(frozen=True)
class Snapshot:
    """The shop at a cutoff: its buyers, the value models fitted then, and the margin of the `days` after it.

    `actual` is empty where these days are not over; `distinct` are the distinct histories and values behind the models.
    `k` tells how regular buying is (1: at random).
    """

    people: People
    bgnbd: ValueModel
    mbgnbd: ValueModel
    days: int
    actual: Floats
    distinct: tuple[npt.NDArray[np.int64] | Floats, ...] = field(repr=False)
    history: PurchaseHistory = field(repr=False)
    k: int = 1

    @cached_property
    def pareto(self) -> ValueModel:
        """The value model with Pareto/NBD for the orders; fitted when it is asked for."""
        return replace(self.mbgnbd, orders=pareto_nbd.fit(self.history))

    @cached_property
    def regular(self) -> ValueModel:
        """The value model with MBG/CNBD-k for the orders; that with MBG/NBD where buying is not regular."""
        return replace(self.mbgnbd, orders=mbgcnbd.fit(self.history, self.k)) if self.k > 1 else self.mbgnbd

    @cached_property
    def sample(self) -> clv_boosting.Sample:
        """What gradient boosting learns from it."""
        features = clv_boosting.feature_matrix(self.people, self.mbgnbd, self.days)
        return clv_boosting.Sample(features, self.mbgnbd.expected_margin(self.people, self.days), self.actual)


@dataclass(frozen=True)
class Past:
    """Snapshots by cutoff, the as-of date among them; `origins` are the cutoffs at which the backtest asks.

    `days` is the hold-out: the horizon, or a third of the history where that is shorter. `share` of the people were
    looked at. `fits` remembers what was fitted to it, by candidate, cutoff and seed.
    """

    as_of: date
    first_on: date
    days: int
    share: float
    origins: tuple[date, ...]
    snapshots: Mapping[date, Snapshot]
    fits: dict[tuple[str, date, int], Any] = field(default_factory=dict, repr=False, compare=False)

    def ended_by(self, cutoff: date) -> list[Snapshot]:
        """Return the newest snapshots whose hold-out was over at a cutoff, newest first."""
        latest = cutoff - timedelta(days=self.days)
        oldest = latest - timedelta(days=(ORIGINS - 1) * ORIGIN_STEP_DAYS)
        return [self.snapshots[day] for day in sorted(self.snapshots, reverse=True) if oldest <= day <= latest]


def look_back(connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Past:
    """Take the snapshots that fitting as of the settings' date and testing at earlier origins need.

    Raises:
        NotEnoughDataError: if the history is too short, or too thin at the as-of date or at every origin.
    """
    history_days = orders.history_days(connection, settings.as_of)
    days = min(round(settings.clv_horizon_months * DAYS_PER_MONTH), history_days // 3)
    if days < MIN_HOLD_OUT_DAYS:
        raise NotEnoughDataError(f"Needs {3 * MIN_HOLD_OUT_DAYS} days of orders; has {history_days}.")
    share = share_of_people(connection, settings)
    first_on = settings.as_of - timedelta(days=history_days)
    asked = origins(first_on, settings.as_of, days)
    earliest = first_on + timedelta(days=MIN_HOLD_OUT_DAYS)
    snapshots = {settings.as_of: take(connection, settings.as_of, days, share, ended=False)}
    problem = NotEnoughDataError("No origin leaves enough history before it.")
    for cutoff in sorted({*asked, *_training(asked, settings.as_of, days)}, reverse=True):
        if cutoff < earliest:
            continue
        try:
            snapshots[cutoff] = take(connection, cutoff, days, share)
        except NotEnoughDataError as error:
            problem = error
    tested = tuple(sorted(origin for origin in asked if origin in snapshots))
    if not tested:
        raise problem
    return Past(settings.as_of, first_on, days, share, tested, snapshots)


def share_of_people(connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> float:
    """Return the share of the buyers to look at: `training_rows` of them at most, or `MOST_PEOPLE`."""
    most = min(settings.training_rows, MOST_PEOPLE)
    return min(1.0, most / max(purchases.buyers(connection, settings.as_of), 1))


def origins(first_on: date, as_of: date, days: int) -> list[date]:
    """Return the origins of the backtest, newest first: each leaves `days` after it, and a year before it if it can.

    The baseline needs that year. They lie a quarter apart, or closer where the history is short.
    """
    latest = as_of - timedelta(days=days)
    room = (latest - first_on).days
    spare = room - YEAR_DAYS if room >= YEAR_DAYS + MIN_HOLD_OUT_DAYS else room - days
    step = min(ORIGIN_STEP_DAYS, spare // (ORIGINS - 1))
    return sorted({latest - timedelta(days=step * number) for number in range(ORIGINS)}, reverse=True)


def _training(asked: list[date], as_of: date, days: int) -> set[date]:
    """Return the cutoffs that gradient boosting learns from when it is asked at these origins, or as of today."""
    return {
        origin - timedelta(days=days + step * ORIGIN_STEP_DAYS) for origin in (*asked, as_of) for step in range(ORIGINS)
    }


def take(
    connection: duckdb.DuckDBPyConnection, cutoff: date, days: int, share: float = 1.0, ended: bool = True
) -> Snapshot:
    """Fit the value models to what was known at `cutoff`, and read the margin of the `days` after it if they ended.

    Raises:
        NotEnoughDataError: if a value model cannot be fitted.
    """
    known = purchases.purchase_history(connection, cutoff, BATCH_ROWS, share).read_all().combine_chunks()
    tuples, values = purchases.history_tuples(known), purchases.value_tuples(known)
    history = PurchaseHistory(*(floats(tuples, name) for name in ("x", "t_x", "age", "people")))
    value = _order_value(*(floats(values, name) for name in ("x", "mean_value", "people")))
    people, net_share = People.of(known), purchases.net_share(known)
    until = cutoff + timedelta(days=days)
    actual = purchases.margin_after(connection, people.keys, cutoff, until, share) if ended else np.array([])
    plain, modified = (ValueModel(bgnbd.fit(history, at_once), value, net_share) for at_once in (False, True))
    distinct = tuple(column.to_numpy() for table in (tuples, values) for column in table.columns)
    pairs, variance = purchases.gap_shares(connection, cutoff, share)
    k = mbgcnbd.regularity(variance) if pairs >= bgnbd.MIN_REPEATERS else 1
    return Snapshot(people, plain, modified, days, actual, distinct, history, k)


def _order_value(x: Floats, mean_value: Floats, people: Floats) -> gamma_gamma.OrderValue:
    """Return a fitted Gamma-Gamma model, or the mean where all orders cost the same."""
    try:
        return gamma_gamma.fit(x, mean_value, people)
    except gamma_gamma.DegenerateValuesError as error:
        return error.mean
