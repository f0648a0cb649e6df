"""Checks over the ledger: is each row accounted for, and do the files look like those that came before.

Every check returns sentences; an empty list means that all is well.
"""

import itertools
import statistics
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from crm_pipeline.raw.landed import is_there
from crm_pipeline.raw.ledger import KEPT, LOADED, REFUSED, LedgerEntry
from crm_pipeline.raw.totals import Totals, raw_totals
from crm_pipeline.raw.waiting import WAITING
from crm_pipeline.storage import lake
from crm_pipeline.storage.raw_rows import latest_complete_day
from crm_pipeline.storage.sql import literal

__all__ = [
    "Totals",
    "emptied_files",
    "freshness_warnings",
    "has_too_many_quarantined",
    "incomplete_files",
    "latest_complete_day",
    "open_entries",
    "quarantine_failures",
    "raw_totals",
    "refused_files",
    "unaccounted_rows",
    "volume_warnings",
    "waiting_files",
    "waiting_rows",
    "withdrawal_failures",
]

_ENOUGH_HISTORY = 5
_USUAL_VOLUME = (0.5, 2.0)
_LATE = 3.0
_FEW = 20
"""So many rows of a file may be unusable whatever their share, and so many records may go at once."""
_MOST = 0.5
_EXAMPLES = 5
_WAITING_REMEDY = (
    "They wait for a run after that. If that is wrong, correct the clock of this machine, or the times in the file, "
    "their format or the source's timezone."
)


def open_entries(entries: Iterable[LedgerEntry], folder: Path | None = None) -> list[LedgerEntry]:
    """Return the entries whose state matters now: for each path of a source the newest delivery.

    A delivery under the same path settles what was wrong with the one before. With the dataset's `folder` given, so
    does the removal of a refused file.
    """
    newest: dict[tuple[str, str], LedgerEntry] = {}
    for entry in sorted(entries, key=lambda item: item.delivery):
        newest[entry.source, entry.file] = entry
    return [
        entry for entry in newest.values() if folder is None or entry.outcome == LOADED or is_there(folder, entry.file)
    ]


def unaccounted_rows(version: Path, entries: Iterable[LedgerEntry]) -> list[str]:
    """Say where a file's rows do not add up, in the ledger or against the rows that are really stored."""
    problems = []
    quarantined = _quarantined_lines(version)
    for entry in entries:
        if entry.unaccounted:
            problems.append(f"{entry.file}: {entry.unaccounted:,} of {entry.rows_read:,} rows are not accounted for.")
        batch = version / entry.channel / entry.batch
        stored = pq.read_metadata(batch).num_rows if batch.exists() else 0
        if stored != entry.rows_loaded:
            problems.append(f"{entry.file}: the ledger says {entry.rows_loaded:,} current rows, {stored:,} are stored.")
        lines = quarantined.get((entry.source, entry.batch), 0)
        if entry.outcome != REFUSED and lines != entry.rows_quarantined:
            told = f"the ledger says {entry.rows_quarantined:,} quarantined rows, {lines:,} are stored"
            problems.append(f"{entry.file}: {told}.")
        waiting = version / WAITING / entry.batch
        waits = pq.read_metadata(waiting).num_rows if waiting.exists() else 0
        if waits != entry.rows_waiting:
            problems.append(f"{entry.file}: the ledger says {entry.rows_waiting:,} waiting rows, {waits:,} are stored.")
    return problems


def has_too_many_quarantined(entry: LedgerEntry, limit: float) -> bool:
    """Tell whether so many rows of a file are quarantined that it stops a run."""
    bad, judged = entry.rows_quarantined, _judged(entry)
    return (bad > limit * judged and bad > _FEW) or bad > max(limit, _MOST) * judged or 0 < bad == judged


def _judged(entry: LedgerEntry) -> int:
    return entry.rows_read - entry.rows_left_out - entry.rows_folded


def quarantine_failures(version: Path, entries: Iterable[LedgerEntry], limits: Mapping[str, float]) -> list[str]:
    """Name each file of which too many rows are quarantined, with its worst column and the remedy.

    Too many are more than the limit and more than a few, more than half (or the limit, where that is higher), or all.

    Args:
        version: the raw version, with the quarantine.
        entries: the files.
        limits: source -> share of a file's rows.
    """
    problems = []
    for entry in entries:
        limit = limits[entry.source]
        if entry.outcome == REFUSED or not has_too_many_quarantined(entry, limit):
            continue
        share = entry.rows_quarantined / _judged(entry)
        column, rows, remedy, lines = _worst_column(version / "quarantine" / entry.batch)
        where = f"column {column}" if column else "rows that cannot be parsed"
        named = ", ".join(map(str, lines)) + (", ..." if rows > len(lines) else "")
        problems.append(
            f"{entry.file}: {share:.1%} of its rows are quarantined (limit {limit:.1%}), most for {where} "
            f"({rows:,} rows, lines {named}). {remedy} "
            f"Or raise quarantine_limit of the source {entry.source} in pipeline.yml."
        )
    return problems


def withdrawal_failures(entries: Iterable[LedgerEntry], limits: Mapping[str, float]) -> list[str]:
    """Name each full delivery that took back so much that it is rather a part of one, until what is gone comes again.

    Args:
        entries: all files of the sources.
        limits: source -> share of the rows that were there.
    """
    known = list(entries)
    problems = []
    for entry in known:
        gone, limit = entry.rows_taken_back, limits[entry.source]
        before = gone + entry.rows_read - entry.rows_folded
        current = sum(other.rows_loaded for other in known if other.source == entry.source)
        if gone > _FEW and gone > limit * before and current < (1 - limit) * before:
            problems.append(
                f"{entry.file}: the source {entry.source} delivers all its rows each time, and {gone:,} rows "
                f"({gone / before:.1%}, limit {limit:.1%}) are not in this file any more. If it is only a part, "
                "deliver all of it, or set delivery of the source to changes or full_folder in pipeline.yml; if they "
                "are really gone, set its withdrawal_limit to 1."
            )
    return problems


def emptied_files(entries: Iterable[LedgerEntry]) -> list[str]:
    """Name each file of which a condition of its source leaves nothing: a value may be misspelt in it."""
    return [
        f"{entry.file}: the conditions of the source {entry.source} (where, deleted_when) leave none of its "
        f"{entry.rows_read:,} rows. Correct them in pipeline.yml, if that is not meant."
        for entry in entries
        if entry.rows_left_out + entry.rows_withdrawn + entry.rows_folded >= entry.rows_read > 1
        and not entry.rows_superseded
    ]


def waiting_rows(entry: LedgerEntry) -> tuple[str, str]:
    """Return the problem that rows of a file are dated later than the run, and what to do about it."""
    problem = f"{entry.rows_waiting:,} of its {entry.rows_read:,} rows are dated later than the time of the run"
    return f"{problem} ({_from(entry)}).", _WAITING_REMEDY


def waiting_files(entries: Iterable[LedgerEntry]) -> list[str]:
    """Name the files with rows that are dated later than the run, each once, in one sentence."""
    waiting = [entry for entry in entries if entry.rows_waiting]
    if not waiting:
        return []
    named = [f"{entry.file} ({entry.rows_waiting:,} of {entry.rows_read:,}, {_from(entry)})" for entry in waiting]
    more = f" and {len(named) - _EXAMPLES:,} more files" if len(named) > _EXAMPLES else ""
    rows = sum(entry.rows_waiting for entry in waiting)
    listed = f"{', '.join(named[:_EXAMPLES])}{more}"
    return [f"{rows:,} rows are dated later than the time of the run: {listed}. {_WAITING_REMEDY}"]


def _from(entry: LedgerEntry) -> str:
    first = entry.waits_until.isoformat(sep=" ", timespec="seconds") if entry.waits_until else "unknown"
    return f"from {first} UTC on"


def refused_files(entries: Iterable[LedgerEntry]) -> list[str]:
    """Name each file of which no row can be used, and why."""
    return [f"{entry.file}: refused. {entry.problem}" for entry in entries if entry.outcome in (REFUSED, KEPT)]


def incomplete_files(entries: Iterable[LedgerEntry]) -> list[str]:
    """Name each file that was loaded but is not whole."""
    return [f"{entry.file}: {entry.problem}" for entry in entries if entry.outcome == LOADED and entry.problem]


def volume_warnings(entries: Iterable[LedgerEntry], history: Iterable[LedgerEntry]) -> list[str]:
    """Say which files have far fewer or more rows than the median of their source's earlier files."""
    past = list(history)
    warnings = []
    for entry in entries:
        earlier = [
            item.rows_read
            for item in past
            if item.source == entry.source and item.delivery < entry.delivery and item.outcome != REFUSED
        ]
        if entry.outcome == REFUSED or len(earlier) < _ENOUGH_HISTORY:
            continue
        usual = statistics.median(earlier)
        low, high = _USUAL_VOLUME
        if not low * usual <= entry.rows_read <= high * usual:
            warnings.append(f"{entry.file}: {entry.rows_read:,} rows, where {entry.source} usually has {usual:,.0f}.")
    return warnings


def freshness_warnings(entries: Iterable[LedgerEntry], run_time: datetime) -> list[str]:
    """Say which sources have delivered nothing for three times as long as they usually take."""
    moments: dict[str, set[datetime]] = {}
    for entry in entries:
        if entry.loaded_at and entry.outcome != REFUSED:
            moments.setdefault(entry.source, set()).add(entry.loaded_at)
    now = run_time.replace(tzinfo=None) - (run_time.utcoffset() or run_time - run_time)
    warnings = []
    for source, seen in moments.items():
        times = sorted(seen)
        gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)]
        if len(gaps) < _ENOUGH_HISTORY:
            continue
        usual, since = statistics.median(gaps), (now - times[-1]).total_seconds()
        if since > _LATE * usual:
            days = f"{since / 86400:.1f} days, where a delivery usually comes every {usual / 86400:.1f}"
            warnings.append(f"Source {source} has delivered nothing for {days}.")
    return warnings


def _quarantined_lines(version: Path) -> dict[tuple[str, str], int]:
    """Count the distinct quarantined lines per batch."""
    files = f"{lake.as_pattern(version / 'quarantine')}/*.parquet"
    rows = duckdb.execute(
        f"""
        select source, parse_filename(filename), count(distinct line)
        from read_parquet({literal(files)}, hive_partitioning = false, filename = true) group by all
        """
    ).fetchall()
    return {(source, name): count for source, name, count in rows}


def _worst_column(quarantine: Path) -> tuple[str | None, int, str, list[int]]:
    """Return the column with most faults, their number, the usual remedy and the first few lines."""
    if not quarantine.exists():
        return None, 0, "", []
    rows = duckdb.execute(
        f"""
        select "column", count(*) as rows, mode(remedy), list_slice(list(line order by line), 1, {_EXAMPLES})
        from read_parquet({literal(lake.as_pattern(quarantine))}, hive_partitioning = false)
        group by "column" order by rows desc, "column" limit 1
        """
    ).fetchall()
    return rows[0]
