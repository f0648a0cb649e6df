"""Loads what is new in landing: a new version of the raw snapshot with every row accounted for, or no change at all."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from crm_pipeline import lake
from crm_pipeline.dataset import Dataset
from crm_pipeline.raw.batch import Delivery, load_delivery
from crm_pipeline.raw.contract import arrow_schema, contracts
from crm_pipeline.raw.landing import FileHashes, Plan, file_mark, plan_deliveries
from crm_pipeline.raw.ledger import LedgerEntry, quarantine_schema, read_ledger, write_ledger
from crm_pipeline.raw.superseding import Batch, settle
from crm_pipeline.settings import Settings
from crm_pipeline.stages import Stage
from crm_pipeline.warehouse import limits

EMPTY_FILE = "_empty.parquet"
QUARANTINE = "quarantine"


@dataclass(frozen=True)
class ChannelRows:
    """Rows of one channel: current ones, those this run delivered, and those it quarantined."""

    current: int
    new: int
    quarantined: int


@dataclass(frozen=True)
class LoadReport:
    """What a load did: the version it left, and the ledger entries of the files it read."""

    version: Path
    changed: bool
    channels: dict[str, ChannelRows]
    files: tuple[LedgerEntry, ...] = ()
    problems: tuple[str, ...] = field(default=())


def raw_folder(settings: Settings) -> Path:
    """Return the folder that holds the versions of the raw snapshot."""
    return settings.lake / Stage.RAW


def load(
    settings: Settings,
    dataset: Dataset,
    run_id: str,
    run_time: datetime,
    say: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Load all new or changed landing files into a new version of the raw snapshot.

    Args:
        settings: where the lake lies, and how much memory DuckDB may take.
        dataset: the sources.
        run_id: stands in the ledger beside what this run loads.
        run_time: rows dated later are quarantined.
        say: is told of each file that is read.

    Returns:
        The report; `changed` is False, and nothing was written, where nothing is new.

    Raises:
        RuntimeError: if another load of the same dataset is running.
    """
    folder = raw_folder(settings)
    with lake.only_one(folder, "load"):
        current = lake.current_version(folder)
        entries = read_ledger(current)
        hashes = FileHashes.read(folder / ".file_hashes.json")
        plan = plan_deliveries(dataset, entries, hashes, run_id)
        if current and not plan.load and len(plan.keep) == len(entries) and _has_all_channels(current):
            hashes.write()
            return LoadReport(current, False, _channel_rows(entries, []), (), tuple(plan.problems))
        with lake.new_version(folder) as version, _workshop(settings) as work, _database(settings, work) as con:
            loaded = _build(con, current, version, work, plan, entries, dataset, run_time, say)
        hashes.write()
    problems = plan.problems + [f"{entry.file}: {entry.problem}" for entry in loaded if entry.problem]
    return LoadReport(version, True, _channel_rows(plan.keep + loaded, loaded), tuple(loaded), tuple(problems))


def _build(
    con: duckdb.DuckDBPyConnection,
    current: Path | None,
    version: Path,
    work: Path,
    plan: Plan,
    entries: list[LedgerEntry],
    dataset: Dataset,
    run_time: datetime,
    say: Callable[[str], None],
) -> list[LedgerEntry]:
    """Fill a new version; return the entries of the files that were read."""
    _write_empty_tables(version)
    loaded: list[LedgerEntry] = []
    for path, source, entry in plan.load:
        delivery = Delivery(path, source, contracts()[source.channel], dataset.zone(source), entry)
        before = file_mark(path)
        quarantine = version / QUARANTINE / entry.batch
        load_delivery(con, delivery, run_time, work / entry.batch, quarantine, work)
        if file_mark(path) != before:
            quarantine.unlink(missing_ok=True)
            plan.problems.append(f"{entry.file}: it changed while it was read; the next run loads it.")
            plan.keep += [known for known in entries if (known.source, known.file_id) == (entry.source, entry.file_id)]
            continue
        say(f"{entry.file}: {entry.rows_read:,} rows read, {entry.rows_quarantined:,} quarantined ({entry.outcome})")
        loaded.append(entry)
    if current:
        for entry in plan.keep:
            if (known := current / QUARANTINE / entry.batch).exists():
                lake.link_or_copy(known, version / QUARANTINE / entry.batch)
    _settle_all(con, current, version, work, plan, loaded, entries)
    write_ledger(plan.keep + loaded, version)
    return loaded


def _settle_all(
    con: duckdb.DuckDBPyConnection,
    current: Path | None,
    version: Path,
    work: Path,
    plan: Plan,
    loaded: list[LedgerEntry],
    entries: list[LedgerEntry],
) -> None:
    for source in dict.fromkeys(entry.source for entry in [*plan.keep, *loaded]):
        kept = [entry for entry in plan.keep if entry.source == source and current]
        fresh = [entry for entry in loaded if entry.source == source]
        channel = (fresh or kept)[0].channel
        batches = [
            Batch(entry, _batch_file(current, entry), False) for entry in kept if current and entry.channel == channel
        ]
        batches += [Batch(entry, work / entry.batch, True) for entry in fresh]
        batches.sort(key=lambda batch: batch.entry.delivery)
        former = [_batch_file(current, entry) for entry in entries if current and entry.source == source]
        former = [path for path in former if path.exists() and path.parent.name == channel]
        settle(con, contracts()[channel], batches, former, version / channel)


def _batch_file(version: Path, entry: LedgerEntry) -> Path:
    return version / entry.channel / entry.batch


def _write_empty_tables(version: Path) -> None:
    """Write a file without rows per table, so that SQL finds the table also where a channel has no files."""
    for name, contract in contracts().items():
        lake.write_parquet(arrow_schema(contract).empty_table(), version / name / EMPTY_FILE)
    lake.write_parquet(quarantine_schema().empty_table(), version / QUARANTINE / EMPTY_FILE)


def _has_all_channels(version: Path) -> bool:
    """Tell whether a version has the tables of all present contracts, in their present shape."""
    files = {name: version / name / EMPTY_FILE for name in contracts()}
    return all(
        path.exists() and pq.read_schema(path).equals(arrow_schema(contracts()[name])) for name, path in files.items()
    )


def _channel_rows(entries: list[LedgerEntry], loaded: list[LedgerEntry]) -> dict[str, ChannelRows]:
    return {
        name: ChannelRows(
            current=sum(entry.rows_loaded for entry in entries if entry.channel == name),
            new=sum(entry.rows_loaded for entry in loaded if entry.channel == name),
            quarantined=sum(entry.rows_quarantined for entry in loaded if entry.channel == name),
        )
        for name in contracts()
    }


@contextmanager
def _workshop(settings: Settings) -> Iterator[Path]:
    """Yield a temporary folder on the lake's disk."""
    parent = settings.state / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="raw-") as name:
        yield Path(name)


@contextmanager
def _database(settings: Settings, work: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database on disk for the working tables, within the memory limit."""
    config = limits(settings) | {"temp_directory": str(work / "spill")}
    with duckdb.connect(str(work / "work.duckdb"), config=config) as con:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        yield con
