"""Model cards: what a model is, how it did beside its baseline, and how far to trust it; one HTML page each.

The parts follow M. Mitchell and others, Model Cards for Model Reporting, 2019.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from markupsafe import Markup

from crm_pipeline.config.settings import Settings
from crm_pipeline.scoring import drift
from crm_pipeline.scoring.contest import mean_metrics
from crm_pipeline.scoring.outcome import Backtest, Report, Status
from crm_pipeline.show import pages
from crm_pipeline.storage.lake import atomic_file

_SENTENCES = {
    Status.OK: "Beats its baseline at every origin, on time that it had not seen. Its scores are in use.",
    Status.INSUFFICIENT_DATA: "There is too little data to fit and test it honestly. Nobody is scored.",
    Status.WORSE_THAN_BASELINE: "Does not beat its baseline at every origin and is not used.",
    Status.DRIFTED: "Says something quite different of the same people than the version accepted before; not used.",
    Status.FAILED: "Its run ended with an error. The version accepted before goes on where there is one.",
}
_APART = ("inputs", "drift", "metrics", "status", "reason", "schema", "importance")


@dataclass(frozen=True)
class Rows:
    """A table: the name of each line, then its cells; some lines are grey."""

    header: Sequence[str]
    lines: Sequence[tuple[str, Sequence[str]]] = ()
    grey: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Section:
    """A heading with a table or a text below it; what has neither is not shown."""

    title: str
    note: str = ""
    rows: Rows | None = None
    text: str = ""


class Pages:
    """The folder of a run's model cards."""

    def __init__(self, settings: Settings, as_of: date) -> None:
        """Name the folder: one per as-of date."""
        self._folder = settings.state / "cards" / as_of.isoformat()
        self._as_of = as_of

    def write(self, model: str, report: Report) -> Path:
        """Write a model's page over the one that was there, and return its path."""
        target = self._folder / f"{model}.html"
        with atomic_file(target) as building:
            building.write_text(page(model, report, self._as_of), encoding="utf-8")
        return target


def page(model: str, report: Report, as_of: date) -> Markup:
    """Return a model's card as one HTML page that needs nothing else."""
    pictures = Markup().join(pages.picture(title, svg) for title, svg in report.plots.items())
    return pages.filled(
        __package__,
        "card.html",
        title=f"Model card: {model.replace('_', ' ')}, as of {as_of}",
        verdict=_verdict(report),
        sections=[
            Section("Backtest", "Mean over the origins; baselines in grey.", _means(report.backtests)),
            Section("By origin", "Each trained on what was known at its origin only.", _by_origin(report.backtests)),
            Section("Plots", text=pictures),
            Section("What counts most", rows=_importance(report.card.get("importance", {}))),
            Section("Drift of the inputs", _drift_note(report.card), _drift(report.card.get("drift", {}))),
            Section("What it looks at", text=", ".join(report.card.get("schema", []))),
        ],
        facts=_facts(report.card),
    )


def backtest_markdown(rows: Sequence[Backtest]) -> str:
    """Return candidate x metric, means over the origins, as a Markdown table."""
    header, lines = _mean_lines(rows)
    table = [header, ["---"] * len(header), *([name, *cells] for name, _, cells in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def _verdict(report: Report) -> dict[str, Any] | None:
    if report.status is None:
        return None
    status = report.status
    facts = {
        "Reason": status.reason,
        "Champion": status.champion,
        "Version in use": status.model_version,
        "Trained on what was known by": status.trained_on,
    }
    return {
        "tone": "ok" if status.status is Status.OK else "not",
        "sentence": _SENTENCES[status.status],
        "facts": Rows(["", ""], [(name, [str(value)]) for name, value in facts.items() if value]),
    }


def _mean_lines(rows: Sequence[Backtest]) -> tuple[list[str], list[tuple[str, bool, list[str]]]]:
    means = mean_metrics(rows)
    naive = {row.candidate: row.is_baseline for row in rows}
    metrics = sorted({row.metric for row in rows})
    lines = [
        (name, naive[name], [f"{means[name][metric]:.4g}" if metric in means[name] else "" for metric in metrics])
        for name in sorted(means, key=lambda name: (naive[name], name))
    ]
    return ["candidate", *metrics], lines


def _means(rows: Sequence[Backtest]) -> Rows:
    header, lines = _mean_lines(rows)
    naive = frozenset(name for name, naive, _ in lines if naive)
    return Rows(header, [(name, cells) for name, _, cells in lines], naive)


def _by_origin(rows: Sequence[Backtest]) -> Rows | None:
    if not rows:
        return None
    origins = sorted({row.origin for row in rows})
    values = {(row.candidate, row.metric, row.origin): row for row in rows}
    naive = frozenset(f"{row.candidate}, {row.metric}" for row in rows if row.is_baseline)
    lines = []
    for candidate, metric in sorted({(row.candidate, row.metric) for row in rows}):
        found = [values.get((candidate, metric, origin)) for origin in origins]
        lines.append((f"{candidate}, {metric}", [f"{row.value:.4g}" if row else "" for row in found]))
    people = [str(next(row.people for row in rows if row.origin == origin)) for origin in origins]
    return Rows(["", *map(str, origins)], [*lines, ("people", people)], naive)


def _importance(importance: Mapping[str, float]) -> Rows:
    most = sorted(importance.items(), key=lambda item: (-item[1], item[0]))[:15]
    return Rows(["", "loss without it"], [(name, [f"{value:.4f}"]) for name, value in most])


def _drift_note(card: Mapping[str, Any]) -> str:
    moved = len(drift.moved(card.get("drift", {})))
    are = "1 input is" if moved == 1 else f"{moved} inputs are"
    return f"Population stability index; above {drift.LIMIT} it is another distribution: {are}."


def _drift(indices: Mapping[str, float]) -> Rows:
    return Rows(["", "index"], [(name, [f"{value:.3f}"]) for name, value in list(indices.items())[:15]])


def _facts(card: Mapping[str, Any]) -> str:
    facts = {name: value for name, value in card.items() if name not in _APART}
    return json.dumps(facts, indent=2, sort_keys=True, default=str) if facts else ""
