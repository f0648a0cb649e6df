"""What `crm check-sources` found, each thing once: the same fault of several files is one finding."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from crm_pipeline.raw.check_sources import Check
from crm_pipeline.raw.guessing.advice import Complaint
from crm_pipeline.raw.levels import Level

_ORDER = tuple(Level)


@dataclass(frozen=True)
class Finding:
    """One thing that was found: what it does to a run, where it is, how many rows it has, and what to do about it.

    `values` are those that a problem is about, each with its rows, as far as they may be shown.
    """

    level: Level
    source: str | None
    files: tuple[str, ...]
    line: int | None
    column: str | None
    problem: str
    values: tuple[tuple[str, int], ...]
    rows: int
    remedy: str


def findings(check: Check) -> list[Finding]:
    """Return all findings, those that stop a run first, then by how many rows they have."""
    found: dict[tuple[object, ...], Finding] = {}
    for finding in _each(check):
        key = (finding.source, finding.column, finding.problem, finding.remedy)
        found[key] = _both(found[key], finding) if key in found else finding
    return sorted(found.values(), key=lambda finding: (_ORDER.index(finding.level), -finding.rows))


def _each(check: Check) -> Iterable[Finding]:
    for problem in check.problems:
        yield _plain(Level.STOPS if problem in check.stopping else Level.LOOK, None, problem)
    for source in check.sources:
        name = source.source.name
        yield from (_finding(name, complaint) for complaint in source.complaints)
        yield from (_plain(Level.NOTE, name, note) for note in source.notes)
    yield from (_plain(Level.NOTE, None, note) for note in check.notes)


def _finding(source: str, complaint: Complaint) -> Finding:
    return Finding(
        complaint.level,
        source,
        (complaint.file,),
        complaint.line,
        complaint.column,
        complaint.problem.rstrip("."),
        complaint.values,
        complaint.times,
        complaint.remedy,
    )


def _plain(level: Level, source: str | None, text: str) -> Finding:
    return Finding(level, source, (), None, None, text, (), 0, "")


def _both(one: Finding, other: Finding) -> Finding:
    """Return what two files, or two lines of one, have in common: the place of the first, the graver level."""
    values: Counter[str] = Counter(dict(one.values))
    values.update(dict(other.values))
    files = tuple(dict.fromkeys((*one.files, *other.files)))
    level = min(one.level, other.level, key=_ORDER.index)
    return replace(one, level=level, files=files, values=tuple(values.most_common()), rows=one.rows + other.rows)
