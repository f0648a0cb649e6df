"""One run of one model, the same for all: contest, fit, acceptance, version, and scores by the version in use.

A champion that does not beat its baseline at every origin, or that says something quite different of the same people
than the version accepted before it, does not replace that version: the earlier one goes on scoring. Where there is
none, nobody is scored.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from crm_pipeline.scoring import drift, plots, registry
from crm_pipeline.scoring.contest import Verdict, judge
from crm_pipeline.scoring.frame import (
    Artefact,
    Inputs,
    Model,
    ModelResult,
    ModelStatus,
    NotEnoughDataError,
    Report,
    ScoringSettings,
    Status,
    content_version,
    insufficient,
    library_versions,
)
from crm_pipeline.scoring.learners import SchemaMismatchError

MAX_AGE_DAYS = 183
"""An older version is no measure any more: a new one that beats its baseline replaces it, however different."""


def run(model: Model, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, root: Path) -> ModelResult:
    """Test, fit and judge a model as of a date, keep its version in the registry at `root`, and score everybody."""
    try:
        prepared = model.prepare(connection, settings)
        rounds = list(model.rounds(prepared, settings))
    except NotEnoughDataError as error:
        return insufficient(model.name, str(error), model.schema)
    verdict = judge(model, rounds)
    fitted = model.fit(prepared, verdict.champion, settings)
    inputs = model.inputs(connection, settings)
    asked = _asked(model, settings, verdict.champion, inputs)
    version = content_version(asked, model.training_data(prepared))
    scores = model.score(connection, fitted, version, settings)

    before = registry.latest_accepted(root, model.name, before=settings.as_of)
    earlier = _scored_before(model, connection, settings, before)
    status, reason = _acceptance(model, verdict, scores, earlier, before, settings.as_of)
    moved = drift.table(before.card["inputs"], inputs) if before else {}
    card = {
        **asked,
        **model.card(prepared, fitted, settings),
        "trained_on": settings.as_of.isoformat(),
        "metrics": verdict.means,
        "drift": moved,
        "inputs": drift.profiles(inputs),
        "status": status.value,
        "reason": reason,
    }
    stored = registry.save(root, Artefact(model.name, version, fitted, card))
    used, shown = (stored, scores) if status is Status.OK else (before, earlier)
    scored = used is not None and shown is not None
    told = ModelStatus(
        model.name,
        status,
        reason,
        used.version if used and scored else None,
        verdict.champion,
        date.fromisoformat(used.card["as_of"]) if used and scored else None,
        model.baselines[0],
        model.metric,
        model.higher_is_better,
    )
    drawn = {
        f"{model.name}: backtest": plots.backtest_bars(verdict.rows, model.metric),
        **model.plots(rounds, verdict.champion),
    }
    rows = shown if shown is not None else model.schema.empty_table()
    return ModelResult(rows, told, Report(told, verdict.rows, stored.card, drawn))


def _asked(model: Model, settings: ScoringSettings, champion: str, inputs: Inputs) -> dict[str, Any]:
    """Return what, beside the training data, shapes a version."""
    asked = {name: value for name, value in vars(settings).items() if name != "threads"}
    return asked | {
        "as_of": settings.as_of.isoformat(),
        "model": model.name,
        "champion": champion,
        "champion_metric": model.metric,
        "schema": list(inputs.names),
        "libraries": library_versions(),
    }


def _scored_before(
    model: Model,
    connection: duckdb.DuckDBPyConnection,
    settings: ScoringSettings,
    before: registry.Stored | None,
) -> pa.Table | None:
    """Return what the version accepted before says of everybody; None where there is none that can read the inputs."""
    if before is None:
        return None
    try:
        return model.score(connection, before.load(), before.version, settings)
    except SchemaMismatchError:
        return None


def _acceptance(
    model: Model,
    verdict: Verdict,
    scores: pa.Table,
    earlier: pa.Table | None,
    before: registry.Stored | None,
    as_of: date,
) -> tuple[Status, str | None]:
    if verdict.refusal:
        return Status.WORSE_THAN_BASELINE, verdict.refusal
    if earlier is None or before is None or _age(before.card, as_of) > MAX_AGE_DAYS:
        return Status.OK, None
    then, now = (_column(table, model.score_column) for table in (earlier, scores))
    index = drift.stability_index(drift.profile(then), now)
    if index > drift.LIMIT:
        return Status.DRIFTED, (
            f"Its {model.score_column} is distributed otherwise than that of version {before.version} for the same "
            f"people (stability index {index:.2f}, limit {drift.LIMIT}); that version goes on scoring."
        )
    return Status.OK, None


def _age(card: Mapping[str, Any], as_of: date) -> int:
    return (as_of - date.fromisoformat(card["as_of"])).days


def _column(table: pa.Table, name: str) -> Any:
    return table[name].to_numpy().astype(float)
