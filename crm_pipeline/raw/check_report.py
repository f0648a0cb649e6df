"""Writes down what `check_sources` saw, as lines for a terminal or as JSON for programs."""

import re
from collections import Counter
from dataclasses import asdict
from typing import Any

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.config.contract import Column, contracts
from crm_pipeline.raw.check_sources import Check, SourceCheck
from crm_pipeline.raw.findings import Finding, findings
from crm_pipeline.raw.levels import Level

_WIDEST = 32
_MOST_VALUES = 3


def render(check: Check) -> str:
    """Return the report: a table per source, then each finding once, those that stop a run first."""
    lines: list[str] = []
    for source in check.sources:
        lines += [*_source(source), ""]
    found = findings(check)
    lines += [f"{finding.level:10}  {sentence(finding)}" for finding in found]
    counts: Counter[Level] = Counter(finding.level for finding in found if finding.level != Level.NOTE)
    if not counts:
        return "\n".join([*lines, "all fine"])
    told = ", ".join(f"{counts[level]:,} {level.meaning}" for level in Level if counts[level])
    count = counts.total()
    return "\n".join([*lines, f"{count:,} problem{'' if count == 1 else 's'}: {told}"])


def as_json(check: Check) -> dict[str, Any]:
    """Return the report for programs; `docs/check_sources.md` describes its keys, which stay. Examples are left out."""
    return {
        "is_fine": check.is_fine,
        "sources": [
            {
                "source": source.source.name,
                "system": source.source.system,
                "channel": source.source.channel,
                "files": [{"file": name, "rows": rows} for name, rows in source.files.items()],
                "rows_loaded": source.rows_loaded,
                "columns": [
                    {
                        "column": column.name,
                        "from": list(source.source.columns[column.name].origins),
                        "type": column.logical_type,
                        "required": column.required,
                        "missing": column.name in source.missing,
                        "filled": source.columns[column.name].filled,
                    }
                    for column in _mapped(source)
                ],
            }
            for source in check.sources
        ],
        "findings": [
            asdict(finding) | {"values": [{"value": value, "rows": rows} for value, rows in finding.values]}
            for finding in findings(check)
        ],
    }


def sentence(finding: Finding) -> str:
    """Return a finding with its place, problem and remedy."""
    place = finding.files[0] if finding.files else ""
    if len(finding.files) > 1:
        place += f" and {len(finding.files) - 1:,} more"
    if finding.line is not None:
        place += f", line {finding.line}"
    if finding.column:
        place += f", {finding.column}"
    rows = f" in {finding.rows:,} rows" if finding.rows > 1 else ""
    problem = f"{finding.problem}{rows}{_values(finding)}"
    return f"{place}: {problem}. {finding.remedy}" if place else f"{problem} {finding.remedy}".strip()


def _values(finding: Finding) -> str:
    shown = [f"'{value}'" + (f" ({rows:,} times)" if rows > 1 else "") for value, rows in finding.values[:_MOST_VALUES]]
    more = len(finding.values) - len(shown)
    if not shown:
        return ""
    return f": {', '.join(shown)}" + (f" and {more:,} more" if more else "")


def _source(check: SourceCheck) -> list[str]:
    contract = contracts()[check.source.channel]
    rows = sum(check.files.values())
    files = f"{len(check.files):,} file{'' if len(check.files) == 1 else 's'}"
    lines = [f"{check.source.name} -> {contract.name}: {files}, {rows:,} first rows, {check.rows_loaded:,} of them fit"]
    table = [("column", "from", "type", "filled", "example")]
    table += [_row(check, column) for column in _mapped(check)]
    widths = [max(len(row[index]) for row in table) for index in range(len(table[0]))]
    return lines + [
        "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]


def _mapped(check: SourceCheck) -> list[Column]:
    return [column for column in contracts()[check.source.channel].columns if column.name in check.source.columns]


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
