"""Churn risk: the probability that a recent buyer places no order in the horizon after the as-of date.

Eligible is who placed a counted order in the last `eligibility_days` (365). The label is read strictly after an
origin. Backtests train only on origins whose whole horizon had passed at the test origin. Probabilities are calibrated
with a sigmoid fitted on the last such origin, which a first fit has not seen; the pipeline is then refitted on all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from crm_pipeline.scoring import learners, outcomes, plots
from crm_pipeline.scoring.frame import (
    CHURN_SCHEMA,
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
from crm_pipeline.scoring.learners import Classifier, Factory
from crm_pipeline.scoring.outcomes import CHURN_FEATURES, ChurnFrame

MODEL = "churn"
RANK_BASELINE = "recency_rank"
BASELINE = "recency_logistic"
CHAMPION_METRIC = "auc"
"""The candidate with the highest mean over the test origins wins; it must rank better than recency alone."""

MIN_HORIZONS = 3
MIN_OF_EACH_LABEL = 100
MAX_TEST_ORIGINS = 3
MEDIUM_RISK, HIGH_RISK = 1 / 3, 2 / 3
"""Lowest probability of the risk bands `medium` and `high`; below the first it is `low`."""

BATCH_ROWS = 200_000
_RECENCY = CHURN_FEATURES.index("recency_days")


@dataclass(frozen=True)
class Split:
    """A test origin, and the earlier origins whose labels were complete by then."""

    train: tuple[date, ...]
    test: date


@dataclass(frozen=True)
class _Tested:
    rows: tuple[Backtest, ...]
    labels: learners.Labels
    scores: dict[str, Floats]


def run(connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> ModelResult:
    """Backtest the candidates against recency, refit the champion on all labelled origins, and score."""
    try:
        frame = labelled_frame(connection, settings)
        tested = [_test(frame, split, settings) for split in splits(frame, settings.churn_horizon_days)]
    except NotEnoughDataError as error:
        return insufficient(MODEL, str(error), CHURN_SCHEMA)
    rows = tuple(row for one in tested for row in one.rows)
    means = {name: mean_metric(rows, name, CHAMPION_METRIC) for name in (*learners.CANDIDATES, RANK_BASELINE)}
    champion = max(learners.CANDIDATES, key=lambda name: means[name])
    origins = _origins(frame)
    model = fit(frame, origins, learners.CANDIDATES[champion], settings)
    artefact = _artefact(frame, settings, model, champion, rows)
    shown = _plots(rows, tested[-1], champion)
    if means[champion] <= means[RANK_BASELINE]:
        reason = f"AUC {means[champion]:.3f} on held-out time; recency alone has {means[RANK_BASELINE]:.3f}."
        status = ModelStatus(MODEL, Status.WORSE_THAN_BASELINE, reason, artefact.version, champion, settings.as_of)
        return ModelResult(CHURN_SCHEMA.empty_table(), rows, status, artefact, shown)
    status = ModelStatus(MODEL, Status.OK, None, artefact.version, champion, settings.as_of)
    return ModelResult(score(connection, settings, model, artefact.version), rows, status, artefact, shown)


def labelled_frame(connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> ChurnFrame:
    """Return the eligible people at every origin whose horizon had passed by the as-of date.

    Raises:
        NotEnoughDataError: with less history than three horizons, or too few people of either label.
    """
    horizon = settings.churn_horizon_days
    span = outcomes.order_span(connection, settings.as_of)
    history = (settings.as_of - span.first_on).days if span else 0
    if span is None or history < MIN_HORIZONS * horizon:
        raise NotEnoughDataError(f"Needs {MIN_HORIZONS * horizon} days of orders; has {history}.")
    # An origin right after the first order of all knows nobody's habits: the first horizon only builds history.
    grid = outcomes.origins_on_grid(connection, settings.as_of - timedelta(days=horizon))
    origins = [day for day in grid if day >= span.first_on + timedelta(days=horizon)]
    if not origins:
        raise NotEnoughDataError("No as-of date of the features has both a horizon before it and one after it.")
    frame = outcomes.churn_frame(connection, origins, settings.eligibility_days, horizon, settings.training_rows)
    churned, stayed = (len(np.unique(frame.keys[frame.churned == label])) for label in (1, 0))
    if min(churned, stayed) < MIN_OF_EACH_LABEL:
        raise NotEnoughDataError(
            f"Needs {MIN_OF_EACH_LABEL} people who churned and {MIN_OF_EACH_LABEL} who stayed; "
            f"has {churned} and {stayed}."
        )
    return frame


def splits(frame: ChurnFrame, horizon: int) -> list[Split]:
    """Return up to three test origins, oldest first, a horizon apart where history allows three such.

    Raises:
        NotEnoughDataError: if no origin can be tested with both labels in its training and test part.
    """
    origins = _origins(frame)
    possible = []
    for test in origins:
        train = tuple(day for day in origins if day + timedelta(days=horizon) <= test)
        if train and _both_labels(frame.at(train)) and _both_labels(frame.at([test])):
            possible.append(Split(train, test))
    if not possible:
        raise NotEnoughDataError("No as-of date has labelled as-of dates a whole horizon before it to learn from.")
    apart: list[Split] = []
    for split in reversed(possible):
        if not apart or (apart[-1].test - split.test).days >= horizon:
            apart.append(split)
    chosen = apart if len(apart) >= MAX_TEST_ORIGINS else possible[::-1]
    return chosen[:MAX_TEST_ORIGINS][::-1]


def fit(frame: ChurnFrame, origins: Sequence[date], factory: Factory, settings: ScoringSettings) -> Classifier:
    """Fit a calibrated classifier on some origins.

    The calibration slice is the last origin; the fit it calibrates ends a horizon before it. Where history has no such
    origin, or lacks a label there, the probabilities stay as the pipeline gives them.
    """
    train = frame.at(origins)
    pipeline = learners.fit_pipeline(factory, train.features, train.churned, settings.seed, settings.threads)
    return Classifier(pipeline, _calibration(frame, origins, factory, settings), CHURN_FEATURES)


def score(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, model: Classifier, version: str
) -> pa.Table:
    """Return the table `churn` for everyone eligible at the as-of date; the model is used as it was stored."""
    batches = []
    for batch in outcomes.eligible_reader(connection, settings.as_of, settings.eligibility_days, BATCH_ROWS):
        probability = model.probability(CHURN_FEATURES, outcomes.feature_matrix(batch))
        columns = [
            batch.column("customer_key").cast(pa.int64()),
            pa.repeat(pa.scalar(settings.as_of, pa.date32()), len(batch)),
            pa.array(probability),
            pa.array(risk_band(probability), pa.string()),
            pa.repeat(pa.scalar(version, pa.string()), len(batch)),
        ]
        batches.append(pa.RecordBatch.from_arrays(columns, schema=CHURN_SCHEMA))
    return pa.Table.from_batches(batches, schema=CHURN_SCHEMA).combine_chunks()


def risk_band(probability: Floats) -> np.ndarray:
    """Return `low`, `medium` or `high` for each probability."""
    return np.array(["low", "medium", "high"])[np.digitize(probability, [MEDIUM_RISK, HIGH_RISK])]


def _calibration(
    frame: ChurnFrame, origins: Sequence[date], factory: Factory, settings: ScoringSettings
) -> LogisticRegression | None:
    last = max(origins)
    early = frame.at([day for day in origins if day + timedelta(days=settings.churn_horizon_days) <= last])
    late = frame.at([last])
    if not (_both_labels(early) and _both_labels(late)):
        return None
    pipeline = learners.fit_pipeline(factory, early.features, early.churned, settings.seed, settings.threads)
    return learners.fit_calibration(pipeline, late.features, late.churned)


def _test(frame: ChurnFrame, split: Split, settings: ScoringSettings) -> _Tested:
    test = frame.at([split.test])
    factories = {**learners.CANDIDATES, BASELINE: _recency_logistic}
    scores = {}
    for name, factory in factories.items():
        model = fit(frame, split.train, factory, settings)
        scores[name] = model.probability(CHURN_FEATURES, test.features)
    metrics = {name: learners.probability_metrics(test.churned, values) for name, values in scores.items()}
    scores[RANK_BASELINE] = test.features[:, _RECENCY]
    metrics[RANK_BASELINE] = learners.ranking_metrics(test.churned, scores[RANK_BASELINE])
    rows = tuple(
        Backtest(MODEL, split.test, name, name in (RANK_BASELINE, BASELINE), metric, value, len(test))
        for name, figures in metrics.items()
        for metric, value in figures.items()
    )
    return _Tested(rows, test.churned, scores)


def _recency_logistic(seed: int, rows: int, threads: int) -> learners.Pipeline:
    pipeline = learners.logistic_regression(seed, rows, threads)
    return learners.Pipeline([("recency", learners.FunctionTransformer(_only_recency)), *pipeline.steps])


def _only_recency(matrix: Floats) -> Floats:
    return matrix[:, [_RECENCY]]


def _origins(frame: ChurnFrame) -> list[date]:
    return [day.item() for day in np.unique(frame.origins)]


def _both_labels(frame: ChurnFrame) -> bool:
    return len(np.unique(frame.churned)) == 2


def _plots(rows: tuple[Backtest, ...], last: _Tested, champion: str) -> dict[str, str]:
    gains = {name: last.scores[name] for name in (champion, RANK_BASELINE)}
    return {
        "Churn: AUC by test origin": plots.backtest_bars(rows, CHAMPION_METRIC),
        "Churn: calibration at the last test origin": plots.calibration_curve(last.scores[champion], last.labels),
        "Churn: gains at the last test origin": plots.gains_curve(gains, last.labels, "churners"),
    }


def _artefact(
    frame: ChurnFrame, settings: ScoringSettings, model: Classifier, champion: str, rows: tuple[Backtest, ...]
) -> Artefact:
    origins = _origins(frame)
    inputs = {
        "model": MODEL,
        "code_version": settings.code_version,
        "as_of": settings.as_of.isoformat(),
        "horizon_days": settings.churn_horizon_days,
        "eligibility_days": settings.eligibility_days,
        "seed": settings.seed,
        "libraries": library_versions(),
        "schema": list(CHURN_FEATURES),
    }
    card = inputs | {
        "trained_on": settings.as_of.isoformat(),
        "training_window": [origins[0].isoformat(), origins[-1].isoformat()],
        "rows": len(frame),
        "churned_share": round(float(frame.churned.mean()), 6),
        "champion": champion,
        "champion_metric": CHAMPION_METRIC,
        "calibrated": model.calibration is not None,
        "risk_bands": {"medium": round(MEDIUM_RISK, 4), "high": round(HIGH_RISK, 4)},
        "metrics": {
            name: {metric: mean_metric(rows, name, metric) for metric in ("auc", "top_decile_lift")}
            for name in (*learners.CANDIDATES, BASELINE, RANK_BASELINE)
        },
    }
    arrays = [frame.keys, frame.origins.astype(np.int64), frame.features, frame.churned]
    return Artefact(MODEL, content_version(inputs, arrays), model, card)
