"""Loads what is new in landing: a new version of the raw snapshot with every row accounted for, or no change at all."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from crm_pipeline.config.contract import arrow_schema, contracts
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.raw.batch import Delivery, Outputs, load_delivery
from crm_pipeline.raw.landed import allowed_folders, file_mark
from crm_pipeline.raw.landing import HASHES_FILE, FileHashes, Plan, lookup_files, plan_deliveries
from crm_pipeline.raw.ledger import (
    KEPT,
    LEDGER_FILE,
    REFUSED,
    LedgerEntry,
    ledger_schema,
    quarantine_schema,
    read_ledger,
    write_ledger,
)
from crm_pipeline.raw.lookup import Lookups
from crm_pipeline.raw.marks import MARKS
from crm_pipeline.raw.sandbox import Sandbox, sandbox
from crm_pipeline.raw.superseding import Batch, settle
from crm_pipeline.raw.waiting import WAITING, is_ripe, ripen
from crm_pipeline.stages import Stage
from crm_pipeline.storage import lake
from crm_pipeline.storage.warehouse import limits

EMPTY_FILE = "_empty.parquet"
QUARANTINE = "quarantine"
_BESIDE = (QUARANTINE, MARKS, WAITING)
"""Folders of a version with what stands beside a delivery's batch, under the same name."""


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
        run_time: rows dated later wait for a run that is later, too.
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
        within = allowed_folders(dataset.folder, settings.linked_folders)
        hashes = FileHashes.read(folder / HASHES_FILE, within)
        plan = plan_deliveries(dataset, entries, hashes, run_id)
        ripe = [entry for entry in plan.keep if is_ripe(entry, run_time)]
        nothing_new = not plan.load and not ripe and len(plan.keep) == len(entries)
        if current and nothing_new and _has_all_tables(current):
            hashes.write()
            return LoadReport(current, False, _channel_rows(entries, []), (), tuple(plan.problems))
        with (
            lake.new_version(folder) as version,
            _workshop(settings) as work,
            _database(settings, work) as con,
            sandbox() as box,
        ):
            loaded = _build(con, current, version, work, plan, entries, dataset, within, run_time, say, box)
        hashes.write()
    told = [*loaded, *(entry for entry in plan.keep if entry.outcome == KEPT)]
    problems = plan.problems + [f"{entry.file}: {entry.problem}" for entry in told if entry.problem]
    return LoadReport(version, True, _channel_rows(plan.keep + loaded, loaded), tuple(loaded), tuple(problems))


def _build(
    con: duckdb.DuckDBPyConnection,
    current: Path | None,
    version: Path,
    work: Path,
    plan: Plan,
    entries: list[LedgerEntry],
    dataset: Dataset,
    within: tuple[Path, ...],
    run_time: datetime,
    say: Callable[[str], None],
    box: Sandbox,
) -> list[LedgerEntry]:
    """Fill a new version; return the entries of the files that were read."""
    _write_empty_tables(version)
    loaded: list[LedgerEntry] = []
    lookups = Lookups(con, dataset.folder, within, work)
    for path, source, entry in plan.load:
        currency = dataset.business.currency
        delivery = Delivery(
            path, source, contracts()[source.channel], dataset.zone(source), entry, currency, within, lookups
        )
        outputs = Outputs(work / entry.batch, *(version / folder / entry.batch for folder in _BESIDE))
        load_delivery(con, delivery, run_time, outputs, work, box)
        if any(file_mark(read) != plan.marks.get(read) for read in (path, *lookup_files(dataset.folder, source))):
            outputs.discard()
            plan.problems.append(f"{entry.file}: it changed while it was read; the next run loads it.")
            plan.keep += [known for known in entries if _is_same(known, entry)]
            continue
        former = next((known for known in entries if _is_same(known, entry) and known.rows_loaded), None)
        if entry.outcome == REFUSED and former and former.channel == entry.channel:
            outputs.discard()
            plan.keep.append(_kept(former, entry))
            continue
        say(f"{entry.file}: {entry.rows_read:,} rows read, {entry.rows_quarantined:,} quarantined ({entry.outcome})")
        loaded.append(entry)
    ripened = _carry_over(con, current, version, work, plan.keep, run_time) if current else []
    _settle_all(con, current, version, work, dataset, plan.keep, [*loaded, *ripened], entries)
    write_ledger(plan.keep + loaded, version)
    return loaded


def _is_same(known: LedgerEntry, entry: LedgerEntry) -> bool:
    """Tell whether two entries are of the same file of a source, perhaps read under another mapping."""
    return (known.source, known.file_id) == (entry.source, entry.file_id)


def _kept(former: LedgerEntry, refused: LedgerEntry) -> LedgerEntry:
    """Return the entry of a file that was loaded and that the present mapping or contract refuses: no row is lost."""
    rows = (
        f"Its {former.rows_loaded:,} rows stay as they were read before, since as pipeline.yml says now it is refused"
    )
    return replace(former, outcome=KEPT, mapping=refused.mapping, problem=f"{rows}. {refused.problem}")


def _carry_over(
    con: duckdb.DuckDBPyConnection,
    current: Path,
    version: Path,
    work: Path,
    entries: list[LedgerEntry],
    run_time: datetime,
) -> list[LedgerEntry]:
    """Take over what stands beside the batches that stay; return the entries with rows that need not wait any more."""
    ripened = []
    for entry in entries:
        if is_ripe(entry, run_time):
            ripened.append(entry)
            before = (_batch_file(current, entry), current / WAITING / entry.batch)
            after = (work / entry.batch, version / WAITING / entry.batch)
            ripen(con, contracts()[entry.channel], entry, run_time, before, after)
        for folder in _BESIDE:
            known, place = current / folder / entry.batch, version / folder / entry.batch
            if known.exists() and not (folder == WAITING and entry in ripened):
                lake.link_or_copy(known, place)
    return ripened


def _settle_all(
    con: duckdb.DuckDBPyConnection,
    current: Path | None,
    version: Path,
    work: Path,
    dataset: Dataset,
    keep: list[LedgerEntry],
    fresh: list[LedgerEntry],
    entries: list[LedgerEntry],
) -> None:
    """Settle each source's rows of each channel: it may have fed another one before."""
    read = {(entry.source, entry.file_id) for entry in fresh}
    kinds = {source.name: source.delivery for source in dataset.sources}
    everything = [*fresh, *(entry for entry in keep if (entry.source, entry.file_id) not in read)]
    for source, channel in dict.fromkeys((entry.source, entry.channel) for entry in everything):
        batches = []
        for entry in sorted(everything, key=lambda entry: entry.delivery):
            if (entry.source, entry.channel) == (source, channel):
                is_new = (entry.source, entry.file_id) in read
                rows = work / entry.batch if is_new or current is None else _batch_file(current, entry)
                batches.append(Batch(entry, rows, version / MARKS / entry.batch, is_new))
        former = [
            _batch_file(current, entry)
            for entry in entries
            if current and (entry.source, entry.channel) == (source, channel)
        ]
        former = [path for path in former if path.exists()]
        settle(con, contracts()[channel], batches, former, version / channel, kinds[source])


def _batch_file(version: Path, entry: LedgerEntry) -> Path:
    return version / entry.channel / entry.batch


def _write_empty_tables(version: Path) -> None:
    """Write a file without rows per table, so that SQL finds the table also where a channel has no files."""
    for name, contract in contracts().items():
        lake.write_parquet(arrow_schema(contract).empty_table(), version / name / EMPTY_FILE)
    lake.write_parquet(quarantine_schema().empty_table(), version / QUARANTINE / EMPTY_FILE)


def _has_all_tables(version: Path) -> bool:
    """Tell whether a version has the ledger and the tables of all present contracts, in their present shape."""
    shapes = {version / name / EMPTY_FILE: arrow_schema(contract) for name, contract in contracts().items()}
    shapes[version / LEDGER_FILE] = ledger_schema()
    return all(path.exists() and pq.read_schema(path).equals(shape) for path, shape in shapes.items())


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
