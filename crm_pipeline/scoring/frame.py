"""The common frame of all models: what a model must say of itself, and what one run of it gives.

A model that predicts fills in `Model`; `scoring/run.py` does the rest in the same way for all of them: backtest beside
a naive baseline, champion, acceptance, drift, registry and model card.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy
import sklearn

from crm_pipeline.scoring.table import AS_OF, Column, Mart, ScoreTable
from crm_pipeline.storage.code_hash import code_hash

Floats = npt.NDArray[np.float64]

BACKTESTS = ScoreTable(
    "model_backtests",
    "One row per model, as-of date, origin, candidate and metric: how candidates did on later, unseen data.",
    (
        Column("model", pa.string(), "The model.", required=True),
        Column("origin", pa.date32(), "The date up to which the candidate was trained.", required=True),
        Column("candidate", pa.string(), "The method tried.", required=True),
        Column("is_baseline", pa.bool_(), "Whether it is the naive baseline.", required=True),
        Column("metric", pa.string(), "What was measured.", required=True),
        Column("value", pa.float64(), "The measured value."),
        Column("people", pa.int64(), "People it was measured on."),
        Column("as_of_date", pa.date32(), "As-of date of the run that made the backtest.", required=True),
    ),
    key=("model", "origin", "candidate", "metric"),
    mart=Mart("operations", until="as_of_date"),
)
STATUSES = ScoreTable(
    "model_status",
    "One row per model and as-of date: whether its scores may be used. Other steps have a row where they failed.",
    (
        Column("model", pa.string(), "The model.", required=True),
        AS_OF,
        Column(
            "status",
            pa.string(),
            "Whether the newest version is in use, or why not.",
            required=True,
            values=("ok", "insufficient_data", "worse_than_baseline", "drifted", "failed"),
        ),
        Column("reason", pa.string(), "Why not, or what to bear in mind."),
        Column("model_version", pa.string(), "Version in use."),
        Column("champion", pa.string(), "Candidate that did best."),
        Column("trained_on", pa.date32(), "The date up to which the version in use was trained."),
        Column("baseline", pa.string(), "The naive method that the champion has to beat."),
        Column("metric", pa.string(), "The measure by which it has to beat it."),
        Column("higher_is_better", pa.bool_(), "Whether more of that measure is better."),
    ),
    key=("model",),
    mart=Mart("operations", until="as_of_date"),
)


class NotEnoughDataError(Exception):
    """A model cannot be fitted honestly; the message is the sentence that the status carries."""


class SchemaMismatchError(Exception):
    """The inputs to score are not those that the model was trained on."""


class UnsoundScoresError(Exception):
    """A model says what cannot be, such as a probability above 1; the message holds no value of anybody."""


class Status(StrEnum):
    """How a model's run ended; only an `OK` one made a version that may score. `FAILED`: it raised an error."""

    OK = "ok"
    INSUFFICIENT_DATA = "insufficient_data"
    WORSE_THAN_BASELINE = "worse_than_baseline"
    DRIFTED = "drifted"
    FAILED = "failed"


@dataclass(frozen=True)
class ScoringSettings:
    """The as-of date and the business choices that the models share."""

    as_of: date
    churn_horizon_days: int = 90
    clv_horizon_months: int = 12
    monthly_discount_rate: float = 0.01
    propensity_horizon_days: int = 30
    currency: str = ""
    seed: int = 20_110
    threads: int = 2
    eligibility_days: int = 365
    training_rows: int = 200_000

    def described(self) -> dict[str, Any]:
        """Return what shapes a version beside its model and data: settings without threads, libraries, and code."""
        asked = {name: value for name, value in vars(self).items() if name != "threads"}
        return asked | {
            "as_of": self.as_of.isoformat(),
            "libraries": {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "scipy": scipy.__version__},
            "code": code_hash(Path(__file__).parent)[:12],
        }


@dataclass(frozen=True)
class Round:
    """One origin of a backtest: what each candidate and baseline predicted, and what then came.

    `actual` and each of `predictions` have one value per person, in the same order. `figures` are further measures by
    candidate, taken elsewhere than on what then came; they are shown, and decide nothing.
    """

    origin: date
    actual: Floats
    predictions: Mapping[str, Floats]
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Inputs:
    """What a model looks at of the people whom it scores: at most `training_rows` rows, NaN where unknown."""

    names: tuple[str, ...]
    matrix: Floats


class Model(Protocol):
    """What a predicting model says of itself; `Prepared` and `Fitted` are its own business (Any here)."""

    @property
    def name(self) -> str:
        """Name of the model and of its folder in the registry."""

    @property
    def table(self) -> ScoreTable:
        """The score table; columns customer_key and as_of_date come first, model_version last."""

    @property
    def score_column(self) -> str:
        """The column of the score table whose distribution tells whether a version drifted."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """Methods that compete, simplest first: where two are equally good, the earlier is champion."""

    @property
    def baselines(self) -> tuple[str, ...]:
        """Naive methods shown beside them; the champion has to beat the first."""

    @property
    def metric(self) -> str:
        """Name of the measure that decides."""

    @property
    def higher_is_better(self) -> bool:
        """Whether more of that measure is better."""

    def prepare(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Any:
        """Gather what the model learns from, labels included, none of it known later than the as-of date.

        Raises:
            NotEnoughDataError: if the model cannot be fitted and tested honestly.
        """

    def rounds(self, prepared: Any, settings: ScoringSettings) -> Iterator[Round]:
        """Test all candidates and baselines at rolling origins, oldest first, at least 3 where history allows.

        Raises:
            NotEnoughDataError: if no origin can be tested.
        """

    def measure(self, actual: Floats, predicted: Floats) -> Mapping[str, float]:
        """Return metric -> value of one candidate at one origin, `metric` among them."""

    def fit(self, prepared: Any, candidate: str, settings: ScoringSettings) -> Any:
        """Fit a candidate, preprocessing included, on all that is known."""

    def training_data(self, prepared: Any) -> Iterable[npt.NDArray[Any]]:
        """Return the arrays that a fit follows from: with the settings they name its version."""

    def inputs(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Inputs:
        """Return what the model looks at of the people to score at the as-of date."""

    def score(
        self, connection: duckdb.DuckDBPyConnection, fitted: Any, version: str, settings: ScoringSettings
    ) -> pa.Table:
        """Return the score table of everybody eligible at the as-of date, ordered by key; nothing is refitted.

        Raises:
            SchemaMismatchError: if the inputs are not those that it was fitted on.
        """

    def card(self, prepared: Any, fitted: Any, settings: ScoringSettings) -> Mapping[str, Any]:
        """Return what the model card says beyond what every card says: training window, rows, parameters."""

    def plots(self, rounds: Sequence[Round], champion: str) -> Mapping[str, str]:
        """Return the model's own plots, SVG texts by title."""


@dataclass(frozen=True)
class Backtest:
    """One figure of one candidate at one origin, measured on outcomes after that origin."""

    model: str
    origin: date
    candidate: str
    is_baseline: bool
    metric: str
    value: float
    people: int


@dataclass(frozen=True)
class ModelStatus:
    """Whether a model's new version may be used, why not, and which version scored instead.

    `champion` was measured against `baseline` by `metric`; `model_version` and `trained_on` are of the version in use.
    """

    model: str
    status: Status
    reason: str | None = None
    model_version: str | None = None
    champion: str | None = None
    trained_on: date | None = None
    baseline: str | None = None
    metric: str | None = None
    higher_is_better: bool | None = None


@dataclass(frozen=True)
class Artefact:
    """A fitted model with its preprocessing, and the card that describes it; `version` follows from its inputs.

    `report` is what is told again of the version as long as it is in use, too large for the card: backtests, plots.
    """

    model: str
    version: str
    fitted: Any
    card: Mapping[str, Any]
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What a model has to say for itself; `plots` are SVG texts by title, `card` what its model card says."""

    status: ModelStatus | None
    backtests: tuple[Backtest, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    plots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelResult:
    """All that one run of one model gives: its score table, and what it has to say for itself."""

    scores: pa.Table
    report: Report

    @property
    def status(self) -> ModelStatus | None:
        """The status that the report carries."""
        return self.report.status


def insufficient(model: str, reason: str, table: ScoreTable) -> ModelResult:
    """Return the result of a model that has too little data: no score, no version, and a reason."""
    status = ModelStatus(model, Status.INSUFFICIENT_DATA, reason)
    return ModelResult(table.empty(), Report(status))


def require_probabilities(values: Floats, name: str) -> None:
    """Refuse what is no probability.

    Raises:
        UnsoundScoresError: if a value is unknown, or not between 0 and 1.
    """
    sound = np.count_nonzero((values >= 0) & (values <= 1))
    if sound < len(values):
        raise UnsoundScoresError(f"{len(values) - sound:,} of {len(values):,} values of {name} are no probability.")


def with_faults(status: ModelStatus, faults: Iterable[str]) -> ModelStatus:
    """Return a status whose reason also says what went wrong beside it."""
    said = [status.reason, *dict.fromkeys(faults)]
    return replace(status, reason=" ".join(filter(None, said)) or None)


def backtest_table(rows: Iterable[Backtest], as_of: date) -> pa.Table:
    """Return backtest rows as the stored table `model_backtests`, in a fixed order."""
    ordered = sorted(rows, key=lambda row: (row.model, row.origin, row.candidate, row.metric))
    return pa.Table.from_pylist([vars(row) | {"as_of_date": as_of} for row in ordered], schema=BACKTESTS.schema)


def status_table(rows: Iterable[ModelStatus], as_of: date) -> pa.Table:
    """Return statuses as the stored table `model_status`, one row per model."""
    ordered = sorted(rows, key=lambda row: row.model)
    return pa.Table.from_pylist(
        [vars(row) | {"as_of_date": as_of, "status": row.status.value} for row in ordered], schema=STATUSES.schema
    )


def content_version(description: Mapping[str, Any], arrays: Iterable[npt.NDArray[Any]]) -> str:
    """Return 12 hex digits that follow from a model's settings, libraries and training data, and from nothing else."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True, default=str).encode())
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
