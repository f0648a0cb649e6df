"""What every model takes and gives: settings in; scores, backtests, a status and an artefact out."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy
import sklearn

from crm_pipeline import __version__

Floats = npt.NDArray[np.float64]

RFM_SCHEMA = pa.schema(
    [
        ("customer_key", pa.int64()),
        ("as_of_date", pa.date32()),
        ("recency_days", pa.int64()),
        ("frequency", pa.int64()),
        ("monetary", pa.decimal128(18, 2)),
        ("r", pa.int64()),
        ("f", pa.int64()),
        ("m", pa.int64()),
        ("rfm_code", pa.string()),
        ("rfm_segment", pa.string()),
    ]
)
CLV_SCHEMA = pa.schema(
    [
        ("customer_key", pa.int64()),
        ("as_of_date", pa.date32()),
        ("p_alive", pa.float64()),
        ("expected_orders", pa.float64()),
        ("clv_historic", pa.float64()),
        ("clv_predicted", pa.float64()),
        ("clv_lower", pa.float64()),
        ("clv_upper", pa.float64()),
        ("model_version", pa.string()),
    ]
)
CHURN_SCHEMA = pa.schema(
    [
        ("customer_key", pa.int64()),
        ("as_of_date", pa.date32()),
        ("churn_probability", pa.float64()),
        ("risk_band", pa.string()),
        ("model_version", pa.string()),
    ]
)
BACKTEST_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("origin", pa.date32()),
        ("candidate", pa.string()),
        ("is_baseline", pa.bool_()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("people", pa.int64()),
        ("as_of_date", pa.date32()),
    ]
)
STATUS_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("as_of_date", pa.date32()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("model_version", pa.string()),
        ("champion", pa.string()),
        ("trained_on", pa.date32()),
    ]
)


class NotEnoughDataError(Exception):
    """A model cannot be fitted honestly; the message is the sentence that the status carries."""


class Status(StrEnum):
    """How a model's run ended."""

    OK = "ok"
    INSUFFICIENT_DATA = "insufficient_data"
    WORSE_THAN_BASELINE = "worse_than_baseline"


@dataclass(frozen=True)
class ScoringSettings:
    """The as-of date and the business choices that the models share."""

    as_of: date
    churn_horizon_days: int = 90
    clv_horizon_months: int = 12
    monthly_discount_rate: float = 0.01
    seed: int = 20_110
    threads: int = 2
    eligibility_days: int = 365
    training_rows: int = 200_000
    code_version: str = __version__


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
    """Whether a model's scores may be used, and why not."""

    model: str
    status: Status
    reason: str | None = None
    model_version: str | None = None
    champion: str | None = None
    trained_on: date | None = None


@dataclass(frozen=True)
class Artefact:
    """A fitted model with its preprocessing, and the card that describes it; `version` follows from its inputs."""

    model: str
    version: str
    fitted: Any
    card: Mapping[str, Any]


@dataclass(frozen=True)
class ModelResult:
    """All that one run of one model gives; `plots` are SVG texts by title."""

    scores: pa.Table
    backtests: tuple[Backtest, ...]
    status: ModelStatus
    artefact: Artefact | None = None
    plots: Mapping[str, str] = field(default_factory=dict)


def insufficient(model: str, reason: str, schema: pa.Schema) -> ModelResult:
    """Return the result of a model that has too little data: no score, no artefact, and a reason."""
    return ModelResult(schema.empty_table(), (), ModelStatus(model, Status.INSUFFICIENT_DATA, reason))


def backtest_table(rows: Iterable[Backtest], as_of: date) -> pa.Table:
    """Return backtest rows as the stored table `model_backtests`, in a fixed order."""
    ordered = sorted(rows, key=lambda row: (row.model, row.origin, row.candidate, row.metric))
    return pa.Table.from_pylist([vars(row) | {"as_of_date": as_of} for row in ordered], schema=BACKTEST_SCHEMA)


def status_table(rows: Iterable[ModelStatus], as_of: date) -> pa.Table:
    """Return statuses as the stored table `model_status`, one row per model."""
    ordered = sorted(rows, key=lambda row: row.model)
    return pa.Table.from_pylist(
        [vars(row) | {"as_of_date": as_of, "status": row.status.value} for row in ordered], schema=STATUS_SCHEMA
    )


def mean_metric(rows: Iterable[Backtest], candidate: str, metric: str) -> float:
    """Return a candidate's mean over the origins, rounded so that the last bits never decide who is champion."""
    return round(float(np.mean([row.value for row in rows if (row.candidate, row.metric) == (candidate, metric)])), 6)


def content_version(description: Mapping[str, Any], arrays: Iterable[npt.NDArray[Any]]) -> str:
    """Return 12 hex digits that follow from a model's settings, libraries and training data, and from nothing else."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True, default=str).encode())
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that shape a fitted model."""
    return {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "scipy": scipy.__version__}
