"""What a model must say of itself: the protocol that each model fills in, and what it is given.

`scoring/run.py` does the rest in the same way for all of them: backtest beside a naive baseline, champion, acceptance,
drift, registry and model card.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy
import sklearn

from crm_pipeline.config.business import Business
from crm_pipeline.config.journeys import JourneySettings
from crm_pipeline.config.models import ModelSettings
from crm_pipeline.config.settings import Settings
from crm_pipeline.scoring.table import ScoreTable
from crm_pipeline.storage.code_hash import code_hash

Floats = npt.NDArray[np.float64]
_BUSINESS, _MODELS, _DEPLOYMENT = Business(), ModelSettings(), Settings.model_fields


class NotEnoughDataError(Exception):
    """A model cannot be fitted honestly; the message is the sentence that the status carries."""


class SchemaMismatchError(Exception):
    """The inputs to score are not those that the model was trained on."""


class UnsoundScoresError(Exception):
    """A model says what cannot be, such as a probability above 1; the message holds no value of anybody."""


@dataclass(frozen=True)
class ScoringSettings:
    """The as-of date and the business choices that the models share."""

    as_of: date
    churn_horizon_days: int = _BUSINESS.churn_horizon_days
    clv_horizon_months: int = _BUSINESS.clv_horizon_months
    monthly_discount_rate: float = _BUSINESS.monthly_discount_rate
    propensity_horizon_days: int = _MODELS.propensity_horizon_days
    currency: str = ""
    seed: int = _DEPLOYMENT["seed"].default
    threads: int = _DEPLOYMENT["threads"].default
    eligibility_days: int = _MODELS.eligibility_days
    medium_risk: float = _MODELS.medium_risk
    high_risk: float = _MODELS.high_risk
    attribution_days: int = JourneySettings().attribution_days
    training_rows: int = _DEPLOYMENT["training_rows"].default

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

    `actual` and each of `predictions` have one value per person, in the same order; a candidate that had nothing to
    learn from at the origin is left out. `figures` are further measures by candidate, taken elsewhere than on what then
    came; they are shown, and decide nothing.
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


@dataclass(frozen=True)
class Demand:
    """A measure that decides, and the naive methods that a champion has to beat in it."""

    metric: str
    baselines: tuple[str, ...]
    higher_is_better: bool = False


@dataclass(frozen=True)
class Verdict:
    """A model's own judgement of its backtest: champion, the sentence that refuses it, and what to bear in mind."""

    champion: str
    refusal: str | None = None
    notes: tuple[str, ...] = ()


class Model(Protocol):
    """What a predicting model says of itself; `Prepared` and `Fitted` are its own business (Any here).

    Three attributes more are for models that need them: `demands` (of `Demand`) where one measure does not decide
    alone, `judge(rounds)` (gives a `Verdict`) where the common rule is no test, and `fallback`, the name of what is
    said where nothing of people could be learned: it is not compared with a version that had learned something.
    """

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
        """Naive methods shown beside them; the champion has to beat the first, or those that its demands name."""

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
        """Return what the model card says beyond what every card says: training window, rows, parameters.

        Sentences under `notes` are told with the status as well: what to bear in mind of a version in use.
        """

    def plots(self, rounds: Sequence[Round], champion: str) -> Mapping[str, str]:
        """Return the model's own plots, SVG texts by title."""


def demands(model: Model) -> tuple[Demand, ...]:
    """Return what a champion has to beat: the model's own `demands`, else its first baseline in its metric."""
    own: tuple[Demand, ...] = getattr(model, "demands", ())
    return own or (Demand(model.metric, model.baselines[:1], model.higher_is_better),)


def require_probabilities(values: Floats, name: str) -> None:
    """Refuse what is no probability.

    Raises:
        UnsoundScoresError: if a value is unknown, or not between 0 and 1.
    """
    sound = np.count_nonzero((values >= 0) & (values <= 1))
    if sound < len(values):
        raise UnsoundScoresError(f"{len(values) - sound:,} of {len(values):,} values of {name} are no probability.")


def content_version(description: Mapping[str, Any], arrays: Iterable[npt.NDArray[Any]]) -> str:
    """Return 12 hex digits that follow from a model's settings, libraries and training data, and from nothing else."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True, default=str).encode())
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
