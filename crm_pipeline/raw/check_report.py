"""Writes down what `check_sources` saw, as lines for a terminal."""

import re

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.config.contract import Column, contracts
from crm_pipeline.raw.check_sources import Check, SourceCheck
from crm_pipeline.raw.guessing.advice import Complaint

_WIDEST = 32


def render(check: Check) -> str:
    """Return the report: a table per source, then its problems, then those of the folder."""
    lines: list[str] = []
    for source in check.sources:
        lines += [*_source(source), ""]
    lines += [f"problem  {problem}" for problem in check.problems]
    lines += [f"note     {note}" for note in check.notes]
    count = len(check.problems) + sum(len(source.complaints) for source in check.sources)
    lines.append(f"{count:,} problem{'' if count == 1 else 's'}" if count else "all fine")
    return "\n".join(lines)


def sentence(complaint: Complaint) -> str:
    """Return a complaint with its place, problem and remedy."""
    place = complaint.file
    if complaint.line is not None:
        place += f", line {complaint.line}"
    if complaint.column:
        place += f", {complaint.column}"
    more = f" ({complaint.times:,} times)" if complaint.times > 1 else ""
    problem = complaint.problem.rstrip(".")
    return f"{place}: {problem}{more}. {complaint.remedy}"


def _source(check: SourceCheck) -> list[str]:
    contract = contracts()[check.source.channel]
    rows = sum(check.files.values())
    files = f"{len(check.files):,} file{'' if len(check.files) == 1 else 's'}"
    lines = [f"{check.source.name} -> {contract.name}: {files}, {rows:,} first rows, {check.rows_loaded:,} of them fit"]
    table = [("column", "from", "type", "filled", "example")]
    table += [_row(check, column) for column in contract.columns if column.name in check.source.columns]
    widths = [max(len(row[index]) for row in table) for index in range(len(table[0]))]
    lines += [
        "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]
    lines += [f"  problem  {sentence(complaint)}" for complaint in check.complaints]
    lines += [f"  note     {note}" for note in check.notes]
    return lines


def _row(check: SourceCheck, column: Column) -> tuple[str, str, str, str, str]:
    fill = check.columns[column.name]
    filled = f"{fill.filled / check.rows_loaded:.0%}" if check.rows_loaded else "-"
    if column.name in check.missing:
        filled = "missing"
    name = column.name + (" *" if column.required else "")
    origin = _origin(check.source.columns[column.name])
    return name, origin, column.logical_type, filled, _example(fill.example, column.pii)


def _origin(mapping: ColumnMapping) -> str:
    text = " or ".join(mapping.origins) or (
        f"'{mapping.value}'" if mapping.value is not None else " ".join((mapping.sql or "").split())
    )
    extras = [part for part in (mapping.format, "decimal ," if mapping.decimal == "," else None) if part]
    extras += ["values"] if mapping.values else []
    shown = f"{text} ({', '.join(extras)})" if extras else text
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 1]}…"


def _example(value: str | None, personal: bool) -> str:
    """Return a value, or only its shape where it is, or looks like, personal data."""
    if value is None:
        return ""
    if personal or re.search(r"@|\d{9}", value):
        value = re.sub(r"\d", "9", re.sub(r"[^\W\d_]", lambda letter: "A" if letter[0].isupper() else "a", value))
    return value if len(value) <= _WIDEST else f"{value[: _WIDEST - 1]}…"
