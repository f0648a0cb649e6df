"""The models in the order in which they score, and the tables that each gives."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from crm_pipeline.scoring import clv, early_warnings, registry, rfm, store
from crm_pipeline.scoring.category_propensity import CategoryPropensity
from crm_pipeline.scoring.churn import Churn
from crm_pipeline.scoring.frame import (
    Backtest,
    Model,
    ModelResult,
    ModelStatus,
    ScoringSettings,
    backtest_table,
    status_table,
)
from crm_pipeline.scoring.loyalty import Loyalty
from crm_pipeline.scoring.propensity import Propensity
from crm_pipeline.scoring.run import run
from crm_pipeline.settings import Settings


@dataclass(frozen=True)
class Given:
    """What a step may use: the warehouse to read, what is asked, and what was scored before it."""

    connection: duckdb.DuckDBPyConnection
    asked: ScoringSettings
    settings: Settings

    @property
    def registry(self) -> Path:
        """The folder of stored models."""
        return store.registry(self.settings)

    def stored(self, table: str, as_of: date | None = None) -> pa.Table:
        """Return a table as of a date (default: as scored by an earlier step); empty where it was never scored."""
        return store.read_or_empty(self.settings, table, as_of or self.asked.as_of)


@dataclass(frozen=True)
class Made:
    """What a step gives: its tables by name, its figures, and what the model cards say and show."""

    tables: Mapping[str, pa.Table]
    backtests: tuple[Backtest, ...] = ()
    status: ModelStatus | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    plots: Mapping[str, str] = field(default_factory=dict)


Step = Callable[[Given], Made]


def predicting(model: Model) -> Step:
    """Return the step of a model that fills in the frame."""

    def step(given: Given) -> Made:
        result = run(model, given.connection, given.asked, given.registry)
        return Made({model.name: result.scores}, result.backtests, result.status, result.card, result.plots)

    return step


def _alone(run_model: Callable[[duckdb.DuckDBPyConnection, ScoringSettings], ModelResult]) -> Step:
    def step(given: Given) -> Made:
        result = run_model(given.connection, given.asked)
        if result.artefact is not None:
            said = {"status": result.status.status.value, "reason": result.status.reason}
            registry.save(given.registry, replace(result.artefact, card={**result.artefact.card, **said}))
        return Made({result.status.model: result.scores}, result.backtests, result.status, {}, result.plots)

    return step


def _rfm(given: Given) -> Made:
    return Made({"rfm": rfm.score(given.connection, given.asked.as_of)})


def _early_warnings(given: Given) -> Made:
    found = early_warnings.warn(given.connection, given.asked)
    return Made({"early_warnings": found.table}, found.backtests)


STEPS: dict[str, Step] = {
    "rfm": _rfm,
    "clv": _alone(clv.run),
    "churn": predicting(Churn()),
    "propensity": predicting(Propensity()),
    "category_propensity": predicting(CategoryPropensity()),
    "loyalty": predicting(Loyalty()),
    "early_warnings": _early_warnings,
}


def score(given: Given) -> Iterator[tuple[str, Made]]:
    """Take each step, keep its tables as of the date asked for, and at last what all models measured.

    Yields:
        Each step's name and what it made; the tables lie in the store by then.
    """
    backtests: list[Backtest] = []
    statuses: list[ModelStatus] = []
    for name, step in STEPS.items():
        made = step(given)
        yield name, _kept(given, made)
        backtests += made.backtests
        statuses += [made.status] if made.status else []
    gathered = {
        "model_backtests": backtest_table(backtests, given.asked.as_of),
        "model_status": status_table(statuses, given.asked.as_of),
    }
    yield "model_figures", _kept(given, Made(gathered))


def _kept(given: Given, made: Made) -> Made:
    for table, rows in made.tables.items():
        store.save(given.settings, table, given.asked.as_of, rows)
    return made
