"""One run of one model, the same for all: contest, fit, acceptance, version, and scores by the version in use.

A champion that does not beat its baseline at every origin, or that says something quite different of the same people
than the version accepted before it, does not replace that version: the earlier one goes on scoring. Where there is
none, nobody is scored. The same holds where a model raises an error: its status says so, and nothing else stops.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from crm_pipeline.faults import guard
from crm_pipeline.scoring import backtest_plots, drift, registry
from crm_pipeline.scoring.contest import contest_result
from crm_pipeline.scoring.model import (
    Inputs,
    Model,
    NotEnoughDataError,
    SchemaMismatchError,
    ScoringSettings,
    UnsoundScoresError,
    content_version,
)
from crm_pipeline.scoring.outcome import (
    Artefact,
    Backtest,
    ModelResult,
    ModelStatus,
    Report,
    Status,
    insufficient,
    with_faults,
)

MAX_AGE_DAYS = 183
"""An older version is no measure any more: a new one that beats its baseline replaces it, however different."""
_TRIED = 3
"""Accepted versions that are asked, the newest first, where a model raises an error."""


@dataclass(frozen=True)
class _Asked:
    """A version to make: its name, what shapes it beside the training data, and the run's settings."""

    version: str
    description: Mapping[str, Any]
    settings: ScoringSettings


def run(model: Model, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, root: Path) -> ModelResult:
    """Test, fit and judge a model as of a date, keep its version in the registry at `root`, and score everybody.

    A version follows from its inputs: where the registry has it, it is not made again.
    """
    with guard.watched() as faults:
        result = guard.tried(f"the model {model.name}", lambda: _if_enough(model, connection, settings, root))
        if isinstance(result, guard.Fault):
            result = _go_on(model, connection, settings, root, result)
    report = result.report
    return replace(result, report=replace(report, status=report.status and with_faults(report.status, faults)))


def _if_enough(
    model: Model, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, root: Path
) -> ModelResult:
    try:
        return _run(model, connection, settings, root)
    except NotEnoughDataError as error:
        return insufficient(model.name, str(error), model.table)


def _run(model: Model, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, root: Path) -> ModelResult:
    prepared = model.prepare(connection, settings)
    inputs = model.inputs(connection, settings)
    asked = _asked(model, settings, inputs)
    version = content_version(asked, model.training_data(prepared))
    before = registry.latest_accepted(root, model.name, before=settings.as_of)
    made = registry.find(root, model.name, version)
    if made is None:
        made = _make(model, connection, prepared, inputs, _Asked(version, asked, settings), before, root)
    used = made if made.card["status"] == Status.OK.value else before
    scores = _scored(model, connection, settings, used)
    return ModelResult(
        model.table.empty() if scores is None else scores,
        _told(model, made, used if scores is not None else None),
    )


def _go_on(
    model: Model, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, root: Path, fault: guard.Fault
) -> ModelResult:
    """Return what the last accepted version that can says of everybody, and a status that tells of the fault."""
    unsound = isinstance(fault.error, UnsoundScoresError)
    reason = f"{fault.error} {fault.sentence}" if unsound else fault.sentence
    none: list[registry.Stored] = []
    known = guard.attempt(f"the registry of {model.name}", lambda: registry.versions(root, model.name), none)
    accepted = [one for one in known if one.card["status"] == Status.OK.value]
    accepted = [one for one in accepted if one.card["as_of"] <= settings.as_of.isoformat()]
    for stored in accepted[: -_TRIED - 1 : -1]:
        what = f"version {stored.version} of {model.name}"
        scores = guard.attempt(what, partial(_scored, model, connection, settings, stored), None)
        if scores is not None:
            status = replace(_status(model, stored.card, stored), status=Status.FAILED)
            reason += f" Version {stored.version} of {stored.card['as_of']} goes on scoring."
            return ModelResult(scores, Report(replace(status, reason=reason), card=stored.card))
    status = ModelStatus(model.name, Status.FAILED, f"{reason} Nobody is scored.")
    return ModelResult(model.table.empty(), Report(status))


def _make(
    model: Model,
    connection: duckdb.DuckDBPyConnection,
    prepared: Any,
    inputs: Inputs,
    asked: _Asked,
    before: registry.Stored | None,
    root: Path,
) -> registry.Stored:
    """Hold the contest, fit its champion, compare it with the version before, and store it with its card."""
    settings = asked.settings
    rounds = list(model.rounds(prepared, settings))
    contest = contest_result(model, rounds)
    fitted = model.fit(prepared, contest.champion, settings)
    status, reason = Status.WORSE_THAN_BASELINE, contest.refusal
    if reason is None:
        alike = getattr(model, "fallback", None)
        learned = before if before and alike not in {contest.champion, before.card["champion"]} else None
        status, reason = _against(model, connection, settings, fitted, learned)
    nothing: Mapping[str, Any] = {}
    told = guard.attempt(f"the card of {model.name}", lambda: model.card(prepared, fitted, settings), nothing)
    card = {
        **asked.description,
        **told,
        "notes": [*contest.notes, *told.get("notes", ())],
        "champion": contest.champion,
        "baseline": contest.baseline,
        "metrics": contest.means,
        "drift": drift.table(before.card["inputs"], inputs) if before else {},
        "inputs": drift.profiles(inputs),
        "status": status.value,
        "reason": reason,
    }
    report = {
        "backtests": [vars(row) | {"origin": row.origin.isoformat()} for row in contest.rows],
        "plots": {
            **guard.drawn(
                {f"{model.name}: backtest": lambda: backtest_plots.backtest_bars(contest.rows, model.metric)}
            ),
            **guard.attempt(f"the plots of {model.name}", lambda: model.plots(rounds, contest.champion), nothing),
        },
    }
    report["faults"] = guard.noted()
    return registry.save(root, Artefact(model.name, asked.version, fitted, card, report))


def _told(model: Model, made: registry.Stored, used: registry.Stored | None) -> Report:
    """Return what a version has to say for itself, and which version scored."""
    report = made.report()
    guard.note(report.get("faults", []))
    rows = (Backtest(**(row | {"origin": date.fromisoformat(row["origin"])})) for row in report["backtests"])
    return Report(_status(model, made.card, used), tuple(rows), made.card, report["plots"])


def _status(model: Model, card: Mapping[str, Any], used: registry.Stored | None) -> ModelStatus:
    """Return what the card of a version says of it, beside the version that scored."""
    return ModelStatus(
        model.name,
        Status(card["status"]),
        " ".join(filter(None, [card["reason"], *card.get("notes", ())])) or None,
        used.version if used else None,
        card["champion"],
        date.fromisoformat(used.card["as_of"]) if used else None,
        card.get("baseline", model.baselines[0]),
        model.metric,
        model.higher_is_better,
    )


def _asked(model: Model, settings: ScoringSettings, inputs: Inputs) -> dict[str, Any]:
    """Return what, beside the training data, shapes a version."""
    return settings.described() | {
        "model": model.name,
        "model_settings": {name: repr(value) for name, value in sorted(vars(model).items())},
        "champion_metric": model.metric,
        "schema": list(inputs.names),
    }


def _scored(
    model: Model,
    connection: duckdb.DuckDBPyConnection,
    settings: ScoringSettings,
    stored: registry.Stored | None,
) -> pa.Table | None:
    """Return what a stored version says of everybody; None where there is none that can read the inputs."""
    if stored is None:
        return None
    try:
        return model.score(connection, stored.load(), stored.version, settings)
    except SchemaMismatchError:
        return None


def _against(
    model: Model,
    connection: duckdb.DuckDBPyConnection,
    settings: ScoringSettings,
    fitted: Any,
    before: registry.Stored | None,
) -> tuple[Status, str | None]:
    """Accept a version unless it says something quite different of the same people than the one before it."""
    if before is None or (settings.as_of - date.fromisoformat(before.card["as_of"])).days > MAX_AGE_DAYS:
        return Status.OK, None
    what = f"version {before.version} of {model.name}"
    earlier = guard.attempt(what, lambda: _scored(model, connection, settings, before), None)
    if earlier is None:
        return Status.OK, None
    scores = model.score(connection, fitted, "", settings)
    then, now = (table[model.score_column].to_numpy().astype(float) for table in (earlier, scores))
    index = drift.stability_index(drift.profile(then), now)
    if index <= drift.LIMIT:
        return Status.OK, None
    return Status.DRIFTED, (
        f"Its {model.score_column} is distributed otherwise than that of version {before.version} for the same "
        f"people (stability index {index:.2f}, limit {drift.LIMIT}); that version goes on scoring."
    )
