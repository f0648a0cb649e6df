"""What one run of a model gives: its scores, its status with backtests and card, and a version to keep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

import pyarrow as pa

from crm_pipeline.scoring.table import AS_OF, Column, Mart, ScoreTable

BACKTESTS = ScoreTable(
    "model_backtests",
    "One row per model, as-of date, origin, candidate and metric: how candidates did on later, unseen data.",
    (
        Column.text("model", "The model.", required=True),
        Column.day("origin", "The date up to which the candidate was trained.", required=True),
        Column.text("candidate", "The method tried.", required=True),
        Column.flag("is_baseline", "Whether it is the naive baseline.", required=True),
        Column.text("metric", "What was measured.", required=True),
        Column.number("value", "The measured value."),
        Column.integer("people", "People it was measured on."),
        Column.day("as_of_date", "As-of date of the run that made the backtest.", required=True),
    ),
    key=("model", "origin", "candidate", "metric"),
    mart=Mart("operations", until="as_of_date"),
)
STATUSES = ScoreTable(
    "model_status",
    "One row per model and as-of date: whether its scores may be used. Other steps have a row where they failed.",
    (
        Column.text("model", "The model.", required=True),
        AS_OF,
        Column.text(
            "status",
            "Whether the newest version is in use, or why not.",
            required=True,
            values=("ok", "insufficient_data", "worse_than_baseline", "drifted", "failed"),
        ),
        Column.text("reason", "Why not, or what to bear in mind."),
        Column.text("model_version", "Version in use."),
        Column.text("champion", "Candidate that did best."),
        Column.day("trained_on", "The date up to which the version in use was trained."),
        Column.text("baseline", "The naive method that the champion has to beat."),
        Column.text("metric", "The measure by which it has to beat it."),
        Column.flag("higher_is_better", "Whether more of that measure is better."),
    ),
    key=("model",),
    mart=Mart("operations", until="as_of_date"),
)


class Status(StrEnum):
    """How a model's run ended; only an `OK` one made a version that may score. `FAILED`: it raised an error."""

    OK = "ok"
    INSUFFICIENT_DATA = "insufficient_data"
    WORSE_THAN_BASELINE = "worse_than_baseline"
    DRIFTED = "drifted"
    FAILED = "failed"


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
