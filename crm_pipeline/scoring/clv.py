"""Customer lifetime value: expected gross margin over the horizon, discounted monthly, with an 80 % interval.

BG/NBD says how many order days come, Gamma-Gamma what one is worth, and the share of margin that returns took from
all occasions so far (`net_share`) nets refunds. The value of month k is divided by (1 + rate)^k.

The 80 % interval is that of the predictive distribution of a person's margin: nothing with the exact probability of
no order, else a gamma distribution with the exact mean and variance of the two models; its 10 % and 90 % quantiles,
widened to the mean where the mean lies outside (people who are probably gone). It does not cover the uncertainty of
the fitted parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from scipy.special import gammaincinv
from scipy.stats import spearmanr

from crm_pipeline.scoring import bgnbd, gamma_gamma, outcomes, plots
from crm_pipeline.scoring.frame import (
    CLV_SCHEMA,
    Artefact,
    Backtest,
    Floats,
    ModelResult,
    ModelStatus,
    NotEnoughDataError,
    ScoringSettings,
    Status,
    content_version,
    insufficient,
    library_versions,
    mean_metric,
)

MODEL = "clv"
CANDIDATE = "bgnbd_gamma_gamma"
COMBINED = "combined_with_last_year"
"""Geometric mean of the first candidate and of last year's margin again: forecasts with different errors, combined
(Bates and Granger, The Combination of Forecasts, 1969). It helps where trade is seasonal: BG/NBD knows no seasons."""
CANDIDATES = (CANDIDATE, COMBINED)
BASELINE = "last_year_again"
CHAMPION_METRIC = "mean_absolute_error"
"""The candidate with the lower mean over the origins wins; the others are shown beside it."""

DAYS_PER_MONTH = 365.25 / 12
MIN_HOLD_OUT_DAYS = 60
MAX_ORIGINS = 3
ORIGIN_STEP_DAYS = 91
INTERVAL = (0.1, 0.9)
BATCH_ROWS = 200_000


@dataclass(frozen=True)
class ClvModel:
    """The two fitted models, the share of margin that is left after returns, and the candidate that won."""

    orders: bgnbd.BgNbd
    value: gamma_gamma.GammaGamma
    net_share: float
    champion: str = CANDIDATE

    def expected_margin(self, people: "People", days: float) -> Floats:
        """Return the expected margin of the coming `days`, without discount."""
        orders = self.orders.expected_orders(people.x, people.t_x, people.age, days)
        return self.net_share * orders * self.value.expected_value(people.x, people.mean_value)

    def correction(self, people: "People", days: float) -> Floats:
        """Return what the champion multiplies each person's expected margin of the coming `days` by."""
        if self.champion == CANDIDATE:
            return np.ones(len(people.keys))
        expected = self.expected_margin(people, days)
        again = np.maximum(last_year_again(people, days), 0.0)
        return np.sqrt(np.divide(again, expected, out=np.zeros_like(again), where=expected > 0))


@dataclass(frozen=True)
class People:
    """Buyers as arrays of equal length, ordered by key."""

    keys: Floats
    x: Floats
    t_x: Floats
    age: Floats
    mean_value: Floats
    margin_historic: Floats
    margin_last_year: Floats

    @classmethod
    def of(cls, table: pa.Table | pa.RecordBatch) -> "People":
        """Read the columns of `outcomes.purchase_history`."""
        names = ("x", "t_x", "age", "mean_value", "margin_historic", "margin_last_year")
        return cls(table.column("customer_key").to_numpy(), *(_floats(table, name) for name in names))


def last_year_again(people: People, days: float) -> Floats:
    """Return the naive forecast: the margin of the last year, for as many days."""
    return people.margin_last_year * (days / outcomes.LAST_YEAR_DAYS)


def run(connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> ModelResult:
    """Backtest the candidates against last year's margin, fit on all history, and score every buyer."""
    span = outcomes.order_span(connection, settings.as_of)
    try:
        rows = backtest(connection, settings, span)
        champion = min(CANDIDATES, key=lambda name: mean_metric(rows, name, CHAMPION_METRIC))
        model = replace(fit(connection, settings.as_of), champion=champion)
    except NotEnoughDataError as error:
        return insufficient(MODEL, str(error), CLV_SCHEMA)
    artefact = _artefact(connection, settings, model, rows)
    own, naive = (mean_metric(rows, name, CHAMPION_METRIC) for name in (champion, BASELINE))
    shown = {"CLV: mean absolute error by origin": plots.backtest_bars(rows, CHAMPION_METRIC)}
    if own >= naive:
        reason = f"Mean absolute error {own:.2f} on held-out time; last year's margin again has {naive:.2f}."
        status = ModelStatus(MODEL, Status.WORSE_THAN_BASELINE, reason, artefact.version, champion, settings.as_of)
        return ModelResult(CLV_SCHEMA.empty_table(), rows, status, artefact, shown)
    status = ModelStatus(MODEL, Status.OK, None, artefact.version, champion, settings.as_of)
    return ModelResult(score(connection, settings, model, artefact.version), rows, status, artefact, shown)


def fit(connection: duckdb.DuckDBPyConnection, cutoff: date) -> ClvModel:
    """Fit both models to what was known at `cutoff`.

    Raises:
        NotEnoughDataError: if either cannot be fitted.
    """
    tuples = outcomes.history_tuples(connection, cutoff)
    values = outcomes.value_tuples(connection, cutoff)
    history = bgnbd.PurchaseHistory(*(_floats(tuples, name) for name in ("x", "t_x", "age", "people")))
    orders = bgnbd.fit(history)
    value = gamma_gamma.fit(*(_floats(values, name) for name in ("x", "mean_value", "people")))
    return ClvModel(orders, value, outcomes.net_share(connection, cutoff))


def score(connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, model: ClvModel, version: str) -> pa.Table:
    """Return the table `clv` for every buyer known at the as-of date."""
    history = outcomes.purchase_history(connection, settings.as_of)
    batches = [_score_batch(People.of(batch), settings, model, version) for batch in _batches(history)]
    return pa.Table.from_batches(batches, schema=CLV_SCHEMA).combine_chunks()


def discounted_orders(model: ClvModel, people: People, months: int, rate: float) -> tuple[Floats, Floats]:
    """Return the expected order days of the horizon, without and with the monthly discount."""
    before = np.zeros(len(people.x))
    discounted = np.zeros(len(people.x))
    for month in range(1, months + 1):
        so_far = model.orders.expected_orders(people.x, people.t_x, people.age, month * DAYS_PER_MONTH)
        discounted += (so_far - before) / (1 + rate) ** month
        before = so_far
    return before, discounted


def margin_interval(model: ClvModel, people: People, days: float) -> tuple[Floats, Floats]:
    """Return the 10 % and 90 % quantiles of the margin of the coming `days`, before returns and discount."""
    state = (people.x, people.t_x, people.age, days)
    none = model.orders.p_no_order(*state)
    orders = model.orders.expected_orders(*state)
    first, second = model.value.inverse_rate_moments(people.x, people.mean_value)
    p = model.value.p
    mean = p * orders * first
    # E[S^2] of a sum of N gamma values with shape p: (p^2 E[N^2] + p E[N]) E[1/rate^2].
    square = (p**2 * (model.orders.expected_order_pairs(*state) + orders) + p * orders) * second
    some = np.maximum(1 - none, 1e-12)
    mean_some, square_some = mean / some, square / some
    spread = np.maximum(square_some - mean_some**2, 1e-9 * mean_some**2 + 1e-12)
    shape = np.maximum(mean_some, 1e-12) ** 2 / spread
    lower, upper = (
        np.where(level <= none, 0.0, gammaincinv(shape, np.clip((level - none) / some, 0, 1)) * spread / mean_some)
        for level in INTERVAL
    )
    return lower, upper


def backtest(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, span: outcomes.Span | None
) -> tuple[Backtest, ...]:
    """Predict margins of hold-out times from what was known before them, and set them beside last year's margin.

    The hold-out is the horizon, or a third of the history where that is shorter; margins are compared undiscounted.

    Raises:
        NotEnoughDataError: if the history is too short, or too thin at every origin.
    """
    history_days = (settings.as_of - span.first_on).days if span else 0
    days = min(round(settings.clv_horizon_months * DAYS_PER_MONTH), history_days // 3)
    if days < MIN_HOLD_OUT_DAYS:
        raise NotEnoughDataError(f"Needs {3 * MIN_HOLD_OUT_DAYS} days of orders; has {history_days}.")
    rows: list[Backtest] = []
    problem: NotEnoughDataError | None = None
    for step in range(MAX_ORIGINS):
        origin = settings.as_of - timedelta(days=days + step * ORIGIN_STEP_DAYS)
        if history_days - days - step * ORIGIN_STEP_DAYS < days:
            break
        try:
            rows += _backtest_origin(connection, origin, days)
        except NotEnoughDataError as error:
            problem = problem or error
    if not rows:
        raise problem or NotEnoughDataError("No origin leaves enough history before it.")
    return tuple(rows)


def _backtest_origin(connection: duckdb.DuckDBPyConnection, origin: date, days: int) -> Iterator[Backtest]:
    model = fit(connection, origin)
    people = People.of(outcomes.purchase_history(connection, origin).combine_chunks())
    after = outcomes.outcomes(connection, origin, origin + timedelta(days=days))
    actual = _actual_margin(people.keys, after)
    expected = model.expected_margin(people, days)
    predictions = {
        CANDIDATE: expected,
        COMBINED: expected * replace(model, champion=COMBINED).correction(people, days),
        BASELINE: last_year_again(people, days),
    }
    return (
        Backtest(MODEL, origin, name, name == BASELINE, metric, value, len(actual))
        for name, predicted in predictions.items()
        for metric, value in margin_metrics(predicted, actual).items()
    )


def margin_metrics(predicted: Floats, actual: Floats) -> dict[str, float]:
    """Return mean absolute error, error of the total as a share of the actual total (if any), and rank correlation."""
    total = float(np.abs(actual.sum()))
    constant = np.ptp(predicted) == 0 or np.ptp(actual) == 0
    metrics = {
        "mean_absolute_error": float(np.mean(np.abs(predicted - actual))),
        "spearman": 0.0 if constant else float(spearmanr(predicted, actual).statistic),
    }
    return metrics | ({"total_error": float((predicted.sum() - actual.sum()) / total)} if total else {})


def _actual_margin(keys: Floats, after: pa.Table) -> Floats:
    bought = after["customer_key"].to_numpy()
    margin = after["margin"].to_numpy()
    if not len(bought):
        return np.zeros(len(keys))
    place = np.minimum(np.searchsorted(bought, keys), len(bought) - 1)
    return np.where(bought[place] == keys, margin[place], 0.0)


def _score_batch(people: People, settings: ScoringSettings, model: ClvModel, version: str) -> pa.RecordBatch:
    months = settings.clv_horizon_months
    orders, discounted = discounted_orders(model, people, months, settings.monthly_discount_rate)
    days = months * DAYS_PER_MONTH
    share = model.net_share * model.correction(people, days)
    predicted = discounted * share * model.value.expected_value(people.x, people.mean_value)
    factor = share * np.divide(discounted, orders, out=np.ones_like(orders), where=orders > 0)
    lower, upper = (side * factor for side in margin_interval(model, people, days))
    count = len(people.keys)
    columns = [
        pa.array(people.keys, pa.int64()),
        pa.repeat(pa.scalar(settings.as_of, pa.date32()), count),
        model.orders.p_alive(people.x, people.t_x, people.age),
        orders,
        people.margin_historic,
        predicted,
        np.minimum(lower, predicted),
        np.maximum(upper, predicted),
        pa.repeat(pa.scalar(version, pa.string()), count),
    ]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=CLV_SCHEMA)


def _artefact(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, model: ClvModel, rows: tuple[Backtest, ...]
) -> Artefact:
    tuples = outcomes.history_tuples(connection, settings.as_of)
    values = outcomes.value_tuples(connection, settings.as_of)
    inputs = {
        "model": MODEL,
        "code_version": settings.code_version,
        "as_of": settings.as_of.isoformat(),
        "horizon_months": settings.clv_horizon_months,
        "monthly_discount_rate": settings.monthly_discount_rate,
        "net_share": model.net_share,
        "champion": model.champion,
        "libraries": library_versions(),
        "schema": ["x", "t_x", "age", "mean_value"],
    }
    arrays = [column.to_numpy() for table in (tuples, values) for column in table.columns]
    fitted = {"bgnbd": vars(model.orders), "gamma_gamma": vars(model.value)}
    card = inputs | {
        "trained_on": settings.as_of.isoformat(),
        "people": int(tuples["people"].to_numpy().sum()),
        "champion_metric": CHAMPION_METRIC,
        "parameters": fitted,
        "metrics": {
            name: {metric: mean_metric(rows, name, metric) for metric in ("mean_absolute_error", "spearman")}
            for name in (*CANDIDATES, BASELINE)
        },
    }
    return Artefact(MODEL, content_version(inputs, arrays), model, card)


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS)


def _floats(table: pa.Table | pa.RecordBatch, name: str) -> Floats:
    return table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
