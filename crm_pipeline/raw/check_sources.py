"""Looks at the first rows of every landing file as a run would read them, and says what a run would stumble over.

Nothing is written outside a temporary folder.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from crm_pipeline.config.contract import AMOUNTS, contracts
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw import customer_ids
from crm_pipeline.raw.accounting import emptied_files, has_too_many_quarantined, waiting_rows
from crm_pipeline.raw.batch import Delivery, Outputs, load_delivery
from crm_pipeline.raw.guessing.advice import (
    Complaint,
    first_rows,
    header_complaints,
    keys_of_no_file,
    read_complaints,
    silent_faults,
    value_complaints,
)
from crm_pipeline.raw.guessing.columns import Table
from crm_pipeline.raw.guessing.head import head_of
from crm_pipeline.raw.guessing.layout import data_files
from crm_pipeline.raw.landed import allowed_folders, one_file, refuse_unreadable, shown_name
from crm_pipeline.raw.landing import landing_files, lookup_files
from crm_pipeline.raw.ledger import REFUSED, LedgerEntry
from crm_pipeline.raw.levels import Level
from crm_pipeline.raw.lookup import Lookups
from crm_pipeline.raw.readers import file_format
from crm_pipeline.raw.sandbox import Sandbox, sandbox
from crm_pipeline.raw.textfile import Refused
from crm_pipeline.storage.lake import as_pattern
from crm_pipeline.storage.sql import literal, quoted


@dataclass
class ColumnFill:
    """How a contract column is filled in the rows that were looked at."""

    filled: int = 0
    example: str | None = None


@dataclass
class SourceCheck:
    """What was seen of one source: its files with their rows, its columns, and what is wrong.

    `limit` is the share of a file's rows that may be quarantined.
    """

    source: SourceConfig
    limit: float
    files: dict[str, int] = field(default_factory=dict)
    rows_loaded: int = 0
    columns: dict[str, ColumnFill] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    complaints: list[Complaint] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Keys of JSON records that were seen in any file; None where there is no such file.
    keys: set[str] | None = None


@dataclass
class Check:
    """What was seen of a dataset."""

    sources: list[SourceCheck]
    problems: list[str]
    notes: list[str]
    #: Those of the problems that stop a run.
    stopping: list[str] = field(default_factory=list)

    @property
    def is_fine(self) -> bool:
        """Tell whether a run would take everything as it is."""
        return not self.problems and not any(check.complaints for check in self.sources)


def check_sources(
    dataset: Dataset, run_time: datetime, linked_folders: Sequence[Path] = (), quarantine_limit: float = 0.05
) -> Check:
    """Look at all sources of a dataset.

    Args:
        dataset: the sources.
        run_time: rows dated later are complained about: a run would let them wait.
        linked_folders: where files may really lie beside the dataset's folder.
        quarantine_limit: share of a file's rows that stops a run, for sources that say none.
    """
    with tempfile.TemporaryDirectory() as work, duckdb.connect() as con, sandbox() as box:
        con.execute("set timezone = 'UTC'")
        within = allowed_folders(dataset.folder, linked_folders)
        customer_ids.prepare(con)
        lookups = Lookups(con, dataset.folder, within, Path(work))
        checks = [
            SourceCheck(source, quarantine_limit if source.quarantine_limit is None else source.quarantine_limit)
            for source in dataset.sources
        ]
        for check in checks:
            _check_source(con, dataset, check, run_time, within, Path(work), box, lookups)
        writings = [note for channel in AMOUNTS for note in customer_ids.other_writings(con, channel)]
    problems, notes = _files_and_sources(dataset, checks)
    without = _without_amounts(checks)
    return Check(checks, problems + without, notes + writings, without)


def _check_source(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    check: SourceCheck,
    run_time: datetime,
    within: Sequence[Path],
    work: Path,
    box: Sandbox,
    lookups: Lookups,
) -> None:
    check.columns = {name: ColumnFill() for name in check.source.columns}
    for path in landing_files(dataset.folder, check.source):
        name = shown_name(dataset.folder, path)
        with _workshop(work) as folder:
            try:
                with one_file():
                    refuse_unreadable(path, within)
                    _check_file(con, dataset, check, path, name, run_time, folder, box, lookups)
            except Refused as refused:
                check.files.setdefault(name, 0)
                check.complaints.append(Complaint(name, None, None, refused.problem, refused.remedy, level=Level.STOPS))
    if check.keys is not None and check.rows_loaded:
        empty = {column for column, fill in check.columns.items() if not fill.filled}
        told = " ".join(complaint.problem for complaint in check.complaints)
        nowhere = keys_of_no_file(check.source, check.keys, empty)
        check.complaints += [one for one in nowhere if one.problem.removeprefix("No file ") not in told]


def _check_file(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    check: SourceCheck,
    path: Path,
    name: str,
    run_time: datetime,
    work: Path,
    box: Sandbox,
    lookups: Lookups,
) -> None:
    source = check.source
    entry = _entry(source, name)
    outputs = Outputs(*(work / f"{name}.parquet" for name in ("batch", "quarantine", "marks", "waiting")))
    batch, quarantine = outputs.batch, outputs.quarantine
    head = _head(path, source, work)
    currency = dataset.business.currency
    zone = dataset.zone(source)
    delivery = Delivery(head, source, contracts()[source.channel], zone, entry, currency, lookups=lookups)
    load_delivery(con, delivery, run_time, outputs, work, box)
    check.files[name] = entry.rows_read
    wrong_layout = read_complaints(path, name, source)
    table = first_rows(con, head, source, work)
    if table and table.optional:
        check.keys = (check.keys or set()) | {*table.columns}
    if entry.outcome == REFUSED:
        refusal = _refusal(quarantine, name)
        # Where the header is elsewhere, nothing is missing.
        says_all = "`read: " in refusal.remedy
        found = wrong_layout or ([] if says_all else header_complaints(table, name, dataset, source))
        check.missing |= {complaint.column for complaint in found if complaint.column}
        check.complaints += [replace(complaint, level=Level.STOPS) for complaint in found or [refusal]]
        return
    if entry.problem:
        problem, _, remedy = entry.problem.partition(". ")
        check.complaints.append(Complaint(name, None, None, f"{problem}.", remedy))
    check.complaints += wrong_layout
    if quarantine.exists():
        check.complaints += _unusable_rows(quarantine, table, entry, check, currency, wrong_layout)
    check.notes += emptied_files([entry])
    if 0 < entry.rows_left_out + entry.rows_withdrawn < entry.rows_read:
        told = f"{entry.rows_left_out:,} rows are left out (where), {entry.rows_withdrawn:,} withdrawn (deleted_when)"
        check.notes.append(f"{name}: {told}.")
    if entry.rows_waiting:
        first = pq.read_table(outputs.waiting, columns=["_line"])["_line"][0].as_py()
        check.complaints.append(Complaint(name, first, None, *waiting_rows(entry)))
    if not entry.rows_read:
        check.notes.append(f"{name} has a header and no rows.")
    if batch.exists():
        _note_columns(con, check, batch)
        if source.channel in customer_ids.WITH_CUSTOMERS:
            customer_ids.add_ids(con, source.channel, f"read_parquet({literal(as_pattern(batch))})")
        faults, notes = silent_faults(batch, name, source)
        check.complaints += faults
        check.notes += notes


def _unusable_rows(
    quarantine: Path,
    table: Table | None,
    entry: LedgerEntry,
    check: SourceCheck,
    currency: str,
    wrong_layout: list[Complaint],
) -> list[Complaint]:
    """Complain about quarantined rows, but for those that a wrong encoding explains."""
    found = value_complaints(pq.read_table(quarantine).to_pylist(), table, entry.file, check.source, currency)
    if any("encoding: " in complaint.remedy for complaint in wrong_layout):
        found = [complaint for complaint in found if not complaint.problem.startswith("bytes that are not")]
    stops = has_too_many_quarantined(entry, check.limit)
    return [replace(complaint, level=Level.STOPS) for complaint in found] if stops else found


def _head(path: Path, source: SourceConfig, work: Path) -> Path:
    """Return what is read of a file; the file itself where the reader will refuse it anyway."""
    try:
        return head_of(path, file_format(path, source), source.read.encoding, source.read.quote, work)
    except Refused:
        return path


def _refusal(quarantine: Path, name: str) -> Complaint:
    (row,) = pq.read_table(quarantine).to_pylist()
    return Complaint(name, None, None, row["problem"], row["remedy"])


def _note_columns(con: duckdb.DuckDBPyConnection, check: SourceCheck, batch: Path) -> None:
    """Count what is filled, and take an example of each column."""
    names = list(check.columns)
    parts = ", ".join(f"count({quoted(name)}), any_value({quoted(name)})::varchar" for name in names)
    row = con.execute(f"select count(*), {parts} from read_parquet({literal(as_pattern(batch))})").fetchall()[0]
    check.rows_loaded += row[0]
    for name, filled, example in zip(names, row[1::2], row[2::2], strict=True):
        column = check.columns[name]
        column.filled += filled
        column.example = column.example or example


def _without_amounts(checks: list[SourceCheck]) -> list[str]:
    """Name the sources of orders of which nothing says what they brought, and those of lines that bring nothing.

    Orders may be told by the lines of their system; the total of a header says nothing where there are lines.
    """
    told = {
        (channel, check.source.system)
        for check in checks
        for channel in ("orders", check.source.channel)
        for column in AMOUNTS.get(check.source.channel, ())
        if column in check.columns and check.columns[column].filled
    }
    without = {
        "orders": "no order has an amount, so that all of them would bring 0",
        "order_lines": "no line has a price, so that its orders would bring 0, whatever their headers say",
    }
    return [
        f"Source {check.source.name}: {without[check.source.channel]}. "
        f"Map {' or '.join(AMOUNTS[check.source.channel])} under columns."
        for check in checks
        if check.source.channel in AMOUNTS
        and check.rows_loaded
        and (check.source.channel, check.source.system) not in told
    ]


def _files_and_sources(dataset: Dataset, checks: list[SourceCheck]) -> tuple[list[str], list[str]]:
    """Compare the landing folder with the patterns of the sources."""
    problems, notes = [], []
    takers: dict[str, list[SourceConfig]] = defaultdict(list)
    for check in checks:
        if not check.files:
            remedy = (
                "`crm land` fetches it"
                if check.source.extract
                else "Deliver one, correct `files`, or remove the source"
            )
            pattern = check.source.files
            problems.append(f"Source {check.source.name}: no file matches '{pattern}' in {dataset.folder}. {remedy}.")
        for name in check.files:
            takers[name].append(check.source)
    lookups = {path for source in dataset.sources for path in lookup_files(dataset.folder, source)}
    for path in data_files(dataset.folder):
        name = shown_name(dataset.folder, path)
        if name not in takers and path not in lookups:
            notes.append(
                f"{name}: no source takes it. Correct `files` of a source, add a source (crm init writes one), "
                "or take it out of the folder."
            )
    for name, sources in takers.items():
        names = ", ".join(source.name for source in sources)
        # Each sheet of a workbook is a source of its own.
        if len({(source.channel, source.read.sheet) for source in sources}) < len(sources):
            problems.append(
                f"{name}: the sources {names} take it for the same channel, so its rows would count twice. "
                "Make the patterns `files` exclude each other."
            )
        elif len(sources) > 1:
            channels = len({source.channel for source in sources})
            notes.append(f"{name} feeds {channels} channel{'' if channels == 1 else 's'}: {names}.")
    return problems, notes


def _entry(source: SourceConfig, name: str) -> LedgerEntry:
    return LedgerEntry(
        file_id="",
        source=source.name,
        system=source.system,
        channel=source.channel,
        file=name,
        bytes=0,
        delivery=1,
        load=1,
        mapping="",
        run_id="",
    )


@contextmanager
def _workshop(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=parent) as name:
        yield Path(name)
