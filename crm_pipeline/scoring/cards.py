"""Model cards: what a model is, how it did beside its baseline, and how far to trust it; one HTML page each.

The parts follow M. Mitchell and others, Model Cards for Model Reporting, 2019.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from crm_pipeline.config.settings import Settings
from crm_pipeline.scoring import drift
from crm_pipeline.scoring.contest import mean_metrics
from crm_pipeline.scoring.outcome import Backtest, Report, Status
from crm_pipeline.show import pages
from crm_pipeline.storage.lake import atomic_file

_STYLE = "pre { font-size: 13px; } tr.baseline { color: #777777; }"
_SENTENCES = {
    Status.OK: "Beats its baseline at every origin, on time that it had not seen. Its scores are in use.",
    Status.INSUFFICIENT_DATA: "There is too little data to fit and test it honestly. Nobody is scored.",
    Status.WORSE_THAN_BASELINE: "Does not beat its baseline at every origin and is not used.",
    Status.DRIFTED: "Says something quite different of the same people than the version accepted before; not used.",
    Status.FAILED: "Its run ended with an error. The version accepted before goes on where there is one.",
}
_APART = ("inputs", "drift", "metrics", "status", "reason", "schema", "importance")


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


def page(model: str, report: Report, as_of: date) -> str:
    """Return a model's card as one HTML page that needs nothing else."""
    title = f"Model card: {model.replace('_', ' ')}, as of {as_of}"
    plots = "".join(pages.picture(title, svg) for title, svg in report.plots.items())
    parts = [
        f"<h1>{escape(title)}</h1>",
        _status(report),
        _section("Backtest", "Mean over the origins; baselines in grey.", _means(report.backtests)),
        _section("By origin", "Each trained on what was known at its origin only.", _by_origin(report.backtests)),
        _section("Plots", "", plots),
        _section("What counts most", "", _importance(report.card.get("importance", {}))),
        _section("Drift of the inputs", _drift_note(report.card), _drift(report.card.get("drift", {}))),
        _section("What it looks at", "", escape(", ".join(report.card.get("schema", [])))),
        _section("Facts", "", _facts(report.card)),
    ]
    return pages.page(title, "".join(parts), _STYLE)


def backtest_markdown(rows: Sequence[Backtest]) -> str:
    """Return candidate x metric, means over the origins, as a Markdown table."""
    header, lines = _mean_lines(rows)
    table = [header, ["---"] * len(header), *([name, *cells] for name, _, cells in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def _status(report: Report) -> str:
    if report.status is None:
        return ""
    status = report.status
    tone = "ok" if status.status is Status.OK else "not"
    facts = {
        "Reason": status.reason,
        "Champion": status.champion,
        "Version in use": status.model_version,
        "Trained on what was known by": status.trained_on,
    }
    return f'<p class="{tone}"><b>{_SENTENCES[status.status]}</b></p>' + _table(
        ["", ""], [(name, [str(value)]) for name, value in facts.items() if value]
    )


def _mean_lines(rows: Sequence[Backtest]) -> tuple[list[str], list[tuple[str, bool, list[str]]]]:
    means = mean_metrics(rows)
    naive = {row.candidate: row.is_baseline for row in rows}
    metrics = sorted({row.metric for row in rows})
    lines = [
        (name, naive[name], [f"{means[name][metric]:.4g}" if metric in means[name] else "" for metric in metrics])
        for name in sorted(means, key=lambda name: (naive[name], name))
    ]
    return ["candidate", *metrics], lines


def _means(rows: Sequence[Backtest]) -> str:
    if not rows:
        return ""
    header, lines = _mean_lines(rows)
    return _table(header, [(name, cells) for name, _, cells in lines], {name for name, naive, _ in lines if naive})


def _by_origin(rows: Sequence[Backtest]) -> str:
    if not rows:
        return ""
    origins = sorted({row.origin for row in rows})
    values = {(row.candidate, row.metric, row.origin): row for row in rows}
    naive = {f"{row.candidate}, {row.metric}" for row in rows if row.is_baseline}
    lines = []
    for candidate, metric in sorted({(row.candidate, row.metric) for row in rows}):
        found = [values.get((candidate, metric, origin)) for origin in origins]
        lines.append((f"{candidate}, {metric}", [f"{row.value:.4g}" if row else "" for row in found]))
    people = [str(next(row.people for row in rows if row.origin == origin)) for origin in origins]
    return _table(["", *map(str, origins)], [*lines, ("people", people)], naive)


def _importance(importance: Mapping[str, float]) -> str:
    most = sorted(importance.items(), key=lambda item: (-item[1], item[0]))[:15]
    return _table(["", "loss without it"], [(name, [f"{value:.4f}"]) for name, value in most])


def _drift_note(card: Mapping[str, Any]) -> str:
    moved = len(drift.moved(card.get("drift", {})))
    are = "1 input is" if moved == 1 else f"{moved} inputs are"
    return f"Population stability index; above {drift.LIMIT} it is another distribution: {are}."


def _drift(indices: Mapping[str, float]) -> str:
    return _table(["", "index"], [(name, [f"{value:.3f}"]) for name, value in list(indices.items())[:15]])


def _facts(card: Mapping[str, Any]) -> str:
    facts = {name: value for name, value in card.items() if name not in _APART}
    return f"<pre>{escape(json.dumps(facts, indent=2, sort_keys=True, default=str))}</pre>" if facts else ""


def _section(title: str, note: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2><p>{escape(note)}</p>{body}" if body else ""


def _table(header: Sequence[str], lines: Iterable[tuple[str, Sequence[str]]], grey: Iterable[str] = ()) -> str:
    quiet = set(grey)
    rows = [
        f"<tr{' class=baseline' if name in quiet else ''}><td>{escape(name)}</td>"
        + "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, cells in lines
    ]
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>" if rows else ""
