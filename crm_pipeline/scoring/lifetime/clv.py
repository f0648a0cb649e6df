"""Customer lifetime value: expected gross margin over the horizon, discounted monthly, with an 80 % interval.

The value of month k is divided by (1 + rate)^k; returns and refunds are netted. Candidates are compared undiscounted.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_pipeline.faults import guard
from crm_pipeline.scoring.lifetime import clv_candidates, clv_interval, clv_past, clv_plots, clv_quality, purchases
from crm_pipeline.scoring.lifetime.clv_candidates import BASELINES, CANDIDATES, LAST_YEAR, RATE, FittedClv
from crm_pipeline.scoring.lifetime.clv_measures import DEVIANCE, SQUARED_ERROR, margin_metrics
from crm_pipeline.scoring.lifetime.clv_past import BATCH_ROWS, Past
from crm_pipeline.scoring.lifetime.clv_value import DAYS_PER_MONTH
from crm_pipeline.scoring.lifetime.purchases import People
from crm_pipeline.scoring.model import (
    Demand,
    Floats,
    Inputs,
    NotEnoughDataError,
    Round,
    ScoringSettings,
    UnsoundScoresError,
    require_probabilities,
)
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, Column, ScoreTable

TABLE = ScoreTable(
    "clv",
    "One row per buyer: expected margin of the coming months with its interval, and the probability alive.",
    (
        PERSON,
        AS_OF,
        Column.probability("p_alive", "Probability that the person still is a customer.", required=True),
        Column.number("expected_orders", "Order days expected within the horizon."),
        Column.day("next_order_on", "Day by which the next order is as likely as not; empty where none is expected."),
        Column.number("clv_historic", "Margin earned so far."),
        Column.number("clv_predicted", "Margin expected within the horizon, discounted."),
        Column.number("clv_lower", "Lower bound of the 80 % interval."),
        Column.number("clv_upper", "Upper bound of the 80 % interval."),
        Column.flag(
            "is_clv_interval_calibrated",
            "Whether the width of the interval was learned from what came true; if not, it is what the model promises.",
        ),
        MODEL_VERSION,
    ),
    key=("customer_key",),
    models=("clv",),
)
LEAST_ALIVE = 0.1
"""Of people who are there with less than this probability, no next order is expected."""


@dataclass(frozen=True, kw_only=True)
class ClvRound(Round):
    """A round with what else the candidates said: their intervals, and the probability that people are still there.

    Only intervals that were calibrated are here: of others nobody knows what they hold.
    """

    intervals: Mapping[str, tuple[Floats, Floats]]
    p_alive: Floats


class Clv:
    """The lifetime value model in the common frame."""

    name = "clv"
    table = TABLE
    score_column = "clv_predicted"
    candidates = CANDIDATES
    baselines = BASELINES
    metric = SQUARED_ERROR
    higher_is_better = False
    demands = (Demand(SQUARED_ERROR, BASELINES), Demand(DEVIANCE, (LAST_YEAR, RATE)))

    def prepare(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Past:
        """Look back at the shop at the origins, and at those from which the challengers learn."""
        return clv_past.look_back(connection, settings)

    def rounds(self, prepared: Past, settings: ScoringSettings) -> Iterator[ClvRound]:
        """Forecast the hold-out after each origin from what was known before it."""
        for origin in prepared.origins:
            yield _round(prepared, origin, settings.seed)

    def measure(self, actual: Floats, predicted: Floats) -> Mapping[str, float]:
        """Return squared error and deviance, which decide, and what stands beside them."""
        return margin_metrics(actual, predicted)

    def fit(self, prepared: Past, candidate: str, settings: ScoringSettings) -> FittedClv:
        """Fit a candidate as of the settings' date."""
        return clv_candidates.fit(prepared, candidate, settings.as_of, settings.seed)

    def training_data(self, prepared: Past) -> Iterator[npt.NDArray[Any]]:
        """Return the distinct histories, and the samples of the snapshots that were looked at."""
        yield from prepared.snapshots[prepared.as_of].distinct
        for snapshot in prepared.ended_by(prepared.as_of):
            yield from (snapshot.sample.features, snapshot.actual)

    def inputs(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Inputs:
        """Return the purchase histories and contacts of buyers at the as-of date."""
        share = clv_past.share_of_people(connection, settings)
        table = purchases.purchase_history(connection, settings.as_of, BATCH_ROWS, share).read_all()
        people = People.of(table.combine_chunks())
        names = tuple(name for name in vars(people) if name != "keys")
        matrix = np.column_stack([getattr(people, name) for name in names])
        return Inputs(names, matrix[: settings.training_rows])

    def score(
        self, connection: duckdb.DuckDBPyConnection, fitted: FittedClv, version: str, settings: ScoringSettings
    ) -> pa.Table:
        """Return the table `clv`: one row per buyer known at the as-of date."""
        history = purchases.purchase_history(connection, settings.as_of, BATCH_ROWS)
        batches = [_score_batch(People.of(batch), fitted, version, settings) for batch in history if batch.num_rows]
        scores = pa.Table.from_batches(batches, schema=TABLE.schema).combine_chunks()
        require_probabilities(scores["p_alive"].to_numpy(), "p_alive")
        if clv_quality.complaints(scores, settings.clv_horizon_months):
            raise UnsoundScoresError("Some people are expected to bring many times what the best has ever brought.")
        return scores

    def card(self, prepared: Past, fitted: FittedClv, settings: ScoringSettings) -> Mapping[str, Any]:
        """Return parameters, training window, coverage of the intervals by origin, and customer equity.

        Customer equity is the sum of all buyers' predictions, which are weighted with the probability that they are
        still there already; where a share of the people was looked at, it is scaled up from them.
        """
        people = prepared.snapshots[settings.as_of].people
        predicted = _values(people, fitted, settings)[0]
        tested = [_round(prepared, origin, settings.seed, (fitted.candidate,)) for origin in prepared.origins]
        calibrated = fitted.intervals.calibrated
        return {
            "notes": [] if calibrated else ["The 80 % intervals are not calibrated: no earlier hold-out was over."],
            "training_window": [prepared.first_on.isoformat(), settings.as_of.isoformat()],
            "hold_out_days": prepared.days,
            "people": len(people),
            "share_of_people": prepared.share,
            "customer_equity": round(float(predicted.sum()) * _scale(prepared), 2),
            "parameters": {"orders": vars(fitted.value.orders), "order_value": vars(fitted.value.value)}
            | {"net_share": fitted.value.net_share},
            "interval_coverage": {
                one.origin.isoformat(): coverage(one, fitted.candidate)
                if fitted.candidate in one.intervals
                else "not calibrated"
                for one in tested
            },
        }

    def plots(self, rounds: Sequence[Round], champion: str) -> Mapping[str, str]:
        """Return predicted beside actual margin, the intervals' coverage, and the probability to be still there."""
        own = [one for one in rounds if isinstance(one, ClvRound) and champion in one.predictions]
        covered = {
            one.origin.isoformat(): coverage(one, champion)["by_fifth"] for one in own if champion in one.intervals
        }
        newest = own[-1]
        return guard.drawn(
            {
                "clv: predicted and actual margin": lambda: clv_plots.by_tenth(
                    newest.predictions[champion], newest.actual
                ),
                "clv: coverage of the 80 % interval": lambda: clv_plots.coverage(covered),
                "clv: probability alive": lambda: clv_plots.alive(newest.p_alive),
            }
        )


def coverage(tested: ClvRound, candidate: str) -> dict[str, Any]:
    """Return the share of people whose interval held what came.

    Of all, of those of whom anything is expected (an upper end of 1 or more), and by fifth of predicted margin, the
    lowest first. Intervals of people who have almost certainly left are [0, 0] and hold far more often than 80 %.
    """
    held = clv_interval.holds(tested.intervals[candidate], tested.actual)
    some = tested.intervals[candidate][1] >= 1
    fifths = np.array_split(np.argsort(tested.predictions[candidate], kind="stable"), 5)
    return {
        "all": round(float(held.mean()), 4),
        "anything_expected": round(float(held[some].mean()), 4) if some.any() else None,
        "by_fifth": [round(float(held[fifth].mean()), 4) for fifth in fifths if len(fifth)],
    }


def _round(past: Past, origin: date, seed: int, candidates: Sequence[str] = CANDIDATES) -> ClvRound:
    snapshot = past.snapshots[origin]
    fits = _learnt(past, origin, seed, candidates)
    people = snapshot.people
    forecasts = {name: fitted.forecast(people, past.days) for name, fitted in fits.items()}
    intervals = {
        name: fitted.intervals.of(forecasts[name]) for name, fitted in fits.items() if fitted.intervals.calibrated
    }
    held = {name: float(clv_interval.holds(one, snapshot.actual).mean()) for name, one in intervals.items()}
    return ClvRound(
        origin=origin,
        actual=snapshot.actual,
        predictions={name: one.expected for name, one in forecasts.items()} | clv_candidates.naive(people, past.days),
        figures={name: {"interval_coverage": share} for name, share in held.items()},
        intervals=intervals,
        p_alive=snapshot.mbgnbd.orders.p_alive(people.x, people.t_x, people.age),
    )


def _learnt(past: Past, origin: date, seed: int, candidates: Sequence[str]) -> dict[str, FittedClv]:
    """Return the candidates that had something to learn from at an origin, as of then."""
    found: dict[str, FittedClv] = {}
    for name in candidates:
        with suppress(NotEnoughDataError):
            fitted = clv_candidates.fit(past, name, origin, seed)
            found |= {name: fitted} if fitted.learnt else {}
    return found


def _scale(past: Past) -> float:
    return 1.0 / past.share


def _values(people: People, fitted: FittedClv, settings: ScoringSettings) -> tuple[Floats, Floats, Floats]:
    """Return each person's discounted value of the horizon with the ends of its interval."""
    months = settings.clv_horizon_months
    forecast = fitted.forecast(people, months * DAYS_PER_MONTH)
    factor = fitted.value.discount(people, months, settings.monthly_discount_rate)
    lower, upper = fitted.intervals.of(forecast)
    return forecast.expected * factor, lower * factor, upper * factor


def _score_batch(people: People, fitted: FittedClv, version: str, settings: ScoringSettings) -> pa.RecordBatch:
    days = settings.clv_horizon_months * DAYS_PER_MONTH
    p_alive = fitted.value.orders.p_alive(people.x, people.t_x, people.age)
    predicted, lower, upper = _values(people, fitted, settings)
    columns = [
        pa.array(people.keys, pa.int64()),
        pa.repeat(pa.scalar(settings.as_of, pa.date32()), len(people)),
        pa.array(p_alive),
        pa.array(fitted.value.expected_orders(people, days)),
        _next_order_on(fitted.value.next_order_days(people), p_alive, days, settings.as_of),
        pa.array(people.margin_historic),
        pa.array(predicted),
        pa.array(lower),
        pa.array(upper),
        pa.repeat(pa.scalar(fitted.intervals.calibrated), len(people)),
        pa.repeat(pa.scalar(version, pa.string()), len(people)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TABLE.schema)


def _next_order_on(wait: Floats, p_alive: Floats, horizon: float, as_of: date) -> pa.Array:
    """Return the day by which half of the people like this, if still there, have ordered again; null where not soon."""
    unlikely = (p_alive < LEAST_ALIVE) | (wait > horizon)
    days = np.datetime64(as_of, "D") + np.ceil(np.where(unlikely, 0, np.maximum(wait, 1))).astype("timedelta64[D]")
    return pa.array(days, pa.date32(), mask=unlikely)
