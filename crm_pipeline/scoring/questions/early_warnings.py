"""Early warnings: what has changed for the worse about a customer, measured against the customer's own history.

A signal is a rule on features, with a strength from 0 to 1; from its threshold on it is told. Rules are not fitted;
how well each foretells churn is the lift: the share of churners among those warned of, against that among all whom the
signal can judge (a drop against one's own history says nothing of who has none, and they churn more than others).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.scoring import features
from crm_pipeline.scoring.model import Floats, ScoringSettings
from crm_pipeline.scoring.outcome import Backtest
from crm_pipeline.scoring.questions import labels, vocabulary
from crm_pipeline.scoring.questions.labels import Frame, Question
from crm_pipeline.scoring.questions.supervised import BATCH_ROWS, MAX_TESTS
from crm_pipeline.scoring.table import AS_OF, PERSON, Column, Mart, ScoreTable

MODEL = "early_warnings"
TABLE = ScoreTable(
    "early_warnings",
    "One row per person and signal that something got worse.",
    (
        PERSON,
        AS_OF,
        Column.text("signal", "What got worse.", required=True),
        Column.number("strength", "How much, 0-1.", required=True),
        Column.day("since", "About since when."),
        Column.text("sentence", "The warning in plain words.", required=True),
    ),
    key=("customer_key", "signal"),
    mart=Mart("customers"),
)
Values = Callable[[str], Floats]
PERIOD_DAYS = 90


@dataclass(frozen=True)
class Signal:
    """A rule: the features it needs, its strength, when it is told, how long it has lasted, and what is said.

    Attributes:
        name: of the signal.
        needs: features; without all of them the signal is silent.
        strength: gives 0 to 1 for each person, NaN where nothing can be said.
        threshold: strength from which on it is told.
        sentence: with values as in `vocabulary`.
        days: gives for how many days it has lasted.
    """

    name: str
    needs: tuple[str, ...]
    strength: Callable[[Values], Floats]
    threshold: float
    sentence: str
    days: Callable[[Values], Floats] = lambda values: np.full(len(values("recency_days")), float(PERIOD_DAYS))


@dataclass(frozen=True)
class Warnings:
    """The table of all warnings at the as-of date, and the lift of each signal at past origins."""

    table: pa.Table
    backtests: tuple[Backtest, ...]


def _usual(values: Values, total: str) -> Floats:
    """Return what 90 days brought on average since the first order; NaN for who has ordered on fewer than 3 days."""
    usual = values(total) / np.maximum(values("age_days"), PERIOD_DAYS) * PERIOD_DAYS
    return np.where(values("order_days") >= 3, usual, np.nan)


def _fallen(now: Floats, before: Floats, least: float) -> Floats:
    """Return the share by which something fell; NaN where there was less than `least` of it before."""
    return np.where(before >= least, np.clip(1 - now / np.where(before >= least, before, 1), 0, 1), np.nan)


def _overdue(values: Values) -> Floats:
    """Return the silence beyond the usual gap, in standard deviations of the person's gaps, three being 1."""
    beyond = (values("recency_days") - values("mean_gap_days")) / np.maximum(values("sd_gap_days"), 7)
    return np.clip(beyond / 3, 0, 1)


def _unused(values: Values) -> Floats:
    """Return the balance against a year's points, for who earned some and used none in 12 months."""
    earned = values("points_earned_12m")
    idle = (earned > 0) & (values("points_redeemed_12m") == 0)
    return np.where(idle, np.clip(values("points_balance") / np.where(earned > 0, earned, 1), 0, 1), 0.0)


SIGNALS = (
    Signal(
        "overdue",
        ("mean_gap_days", "sd_gap_days"),
        _overdue,
        1 / 3,
        "No order for {recency_days} days; usually every {mean_gap_days}",
        lambda values: values("recency_days") - values("mean_gap_days"),
    ),
    Signal(
        "frequency_drop",
        ("orders_90d", "order_days", "age_days"),
        lambda values: _fallen(values("orders_90d"), _usual(values, "order_days"), 1),
        0.5,
        "Orders in the last 90 days: {orders_90d}; usually about {usual_orders}",
    ),
    Signal(
        "spend_drop",
        ("revenue_90d", "revenue_lifetime", "order_days", "age_days"),
        lambda values: _fallen(values("revenue_90d"), _usual(values, "revenue_lifetime"), 1),
        0.5,
        "Spent {revenue_90d} in the last 90 days; usually about {usual_revenue}",
    ),
    Signal(
        "complaints_up",
        ("tickets_90d", "tickets_prev_90d"),
        lambda values: 1 - 0.5 ** np.maximum(values("tickets_90d") - values("tickets_prev_90d"), 0),
        0.5,
        "Service cases in the last 90 days: {tickets_90d}; in the 90 days before: {tickets_prev_90d}",
    ),
    Signal(
        "engagement_down",
        ("sessions_90d", "sessions_prev_90d"),
        lambda values: _fallen(values("sessions_90d"), values("sessions_prev_90d"), 3),
        0.5,
        "Visits in the last 90 days: {sessions_90d}; in the 90 days before: {sessions_prev_90d}",
    ),
    Signal(
        "satisfaction_down",
        ("nps_change", "last_nps", "days_since_survey"),
        lambda values: np.clip(-values("nps_change") / 5, 0, 1),
        0.4,
        "Would recommend the shop less than before ({last_nps} of 10)",
        lambda values: values("days_since_survey"),
    ),
    Signal(
        "points_unused",
        ("points_balance", "points_earned_12m", "points_redeemed_12m"),
        _unused,
        0.5,
        "Points not used for a year: {points_balance}",
        lambda values: np.full(len(values("recency_days")), 365.0),
    ),
)
"""All signals, with their thresholds; the first named of equally strong ones comes first."""


def warn(connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Warnings:
    """Return the warnings about everybody with an order in the eligibility window, and what each signal is worth."""
    question = Question(settings.churn_horizon_days, settings.eligibility_days, yes_is_an_order=False)
    known = question.names(connection, settings.as_of)
    signals = [signal for signal in SIGNALS if set(signal.needs) <= set(known)]
    names = tuple(dict.fromkeys(["recency_days", *(name for signal in signals for name in signal.needs)]))
    parts = [
        _told(signal, features.matrix(batch, names), names, batch.column("customer_key"), settings)
        for batch in question.reader(connection, names, settings.as_of, BATCH_ROWS)
        for signal in signals
    ]
    table = pa.concat_tables([TABLE.empty(), *parts])
    order = [("customer_key", "ascending"), ("strength", "descending"), ("signal", "ascending")]
    tested = _tested(connection, question, names, settings)
    return Warnings(table.sort_by(order), tuple(row for frame in tested for row in lifts(frame, signals)))


def lifts(frame: Frame, signals: Sequence[Signal] = SIGNALS) -> list[Backtest]:
    """Return the lift of each signal at one origin; none for a signal that warned of nobody."""
    values = _by_name(frame.features, frame.names)
    found = []
    for signal in signals:
        strength = signal.strength(values)
        judged, warned = frame.labels[~np.isnan(strength)], strength >= signal.threshold
        if warned.any() and judged.any():
            lift = float(frame.labels[warned].mean() / judged.mean())
            found.append(Backtest(MODEL, frame.days[0], signal.name, False, "lift", lift, int(warned.sum())))
    return found


def _tested(
    connection: duckdb.DuckDBPyConnection, question: Question, names: tuple[str, ...], settings: ScoringSettings
) -> list[Frame]:
    """Return labelled frames of up to three past origins a horizon apart, the oldest first."""
    chosen: list[date] = []
    for day in reversed(labels.origins_with_answers(connection, settings.as_of, question.horizon_days)):
        if len(chosen) < MAX_TESTS and (not chosen or (chosen[-1] - day).days >= question.horizon_days):
            chosen.append(day)
    return [question.frame(connection, names, [day], settings.training_rows) for day in reversed(chosen)]


def _told(
    signal: Signal, matrix: Floats, names: tuple[str, ...], keys: pa.Array, settings: ScoringSettings
) -> pa.Table:
    strength = signal.strength(_by_name(matrix, names))
    warned = np.flatnonzero(strength >= signal.threshold)
    values = _by_name(matrix[warned], names)
    lasted = np.maximum(np.nan_to_num(np.round(signal.days(values))), 0).astype("timedelta64[D]")
    sentence = vocabulary.write(signal.sentence, _with_usual(values), settings.currency)
    columns = {
        "customer_key": keys.take(pa.array(warned)),
        "as_of_date": pa.repeat(pa.scalar(settings.as_of, pa.date32()), len(warned)),
        "signal": pa.repeat(pa.scalar(signal.name), len(warned)),
        "strength": np.round(strength[warned], 6),
        "since": pa.array(np.datetime64(settings.as_of) - lasted, pa.date32()),
        "sentence": sentence,
    }
    return pa.table(columns).cast(TABLE.schema)


def _by_name(matrix: Floats, names: Sequence[str]) -> Values:
    return lambda name: matrix[:, names.index(name)]


def _with_usual(values: Values) -> Values:
    """Add what is usual to the values that a sentence can name."""
    totals = {"usual_orders": "order_days", "usual_revenue": "revenue_lifetime"}
    return lambda name: _usual(values, totals[name]) if name in totals else values(name)
