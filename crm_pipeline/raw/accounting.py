"""Checks over the ledger: is each row accounted for, and do the files look like those that came before.

Every check returns sentences; an empty list means that all is well.
"""

import itertools
import statistics
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from crm_pipeline.raw.ledger import REFUSED, LedgerEntry
from crm_pipeline.raw.source_rows import literal
from crm_pipeline.raw.totals import Totals, latest_complete_day, raw_totals

__all__ = [
    "Totals",
    "freshness_warnings",
    "incomplete_files",
    "latest_complete_day",
    "open_entries",
    "quarantine_failures",
    "raw_totals",
    "refused_files",
    "unaccounted_rows",
    "volume_warnings",
]

_ENOUGH_HISTORY = 5
_USUAL_VOLUME = (0.5, 2.0)
_LATE = 3.0


def open_entries(entries: Iterable[LedgerEntry], folder: Path | None = None) -> list[LedgerEntry]:
    """Return the entries whose state matters now: for each path of a source the newest delivery.

    A delivery under the same path settles what was wrong with the one before. With the dataset's `folder` given, so
    does the removal of a refused file.
    """
    newest: dict[tuple[str, str], LedgerEntry] = {}
    for entry in sorted(entries, key=lambda item: item.delivery):
        newest[entry.source, entry.file] = entry
    return [
        entry
        for entry in newest.values()
        if folder is None or entry.outcome != REFUSED or (folder / entry.file).exists()
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
    return problems


def quarantine_failures(version: Path, entries: Iterable[LedgerEntry], limit: float) -> list[str]:
    """Name each file with a larger share of quarantined rows than `limit`, with its worst column and the remedy."""
    problems = []
    for entry in entries:
        if entry.outcome == REFUSED or entry.rows_quarantined <= limit * entry.rows_read:
            continue
        share = entry.rows_quarantined / entry.rows_read
        column, rows, remedy = _worst_column(version / "quarantine" / entry.batch)
        where = f"column {column}" if column else "rows that cannot be parsed"
        problems.append(
            f"{entry.file}: {share:.1%} of its rows are quarantined (limit {limit:.1%}), most for {where} "
            f"({rows:,} rows). {remedy}"
        )
    return problems


def refused_files(entries: Iterable[LedgerEntry]) -> list[str]:
    """Name each file of which no row could be used, and why."""
    return [f"{entry.file}: refused. {entry.problem}" for entry in entries if entry.outcome == REFUSED]


def incomplete_files(entries: Iterable[LedgerEntry]) -> list[str]:
    """Name each file that was loaded but is not whole."""
    return [f"{entry.file}: {entry.problem}" for entry in entries if entry.outcome != REFUSED and entry.problem]


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
    files = version / "quarantine" / "*.parquet"
    rows = duckdb.execute(
        f"""
        select source, parse_filename(filename), count(distinct line)
        from read_parquet({literal(str(files))}, hive_partitioning = false, filename = true) group by all
        """
    ).fetchall()
    return {(source, name): count for source, name, count in rows}


def _worst_column(quarantine: Path) -> tuple[str | None, int, str]:
    if not quarantine.exists():
        return None, 0, ""
    rows = duckdb.execute(
        f"""
        select "column", count(*) as rows, mode(remedy)
        from read_parquet({literal(str(quarantine))}, hive_partitioning = false)
        group by "column" order by rows desc, "column" limit 1
        """
    ).fetchall()
    return rows[0]
