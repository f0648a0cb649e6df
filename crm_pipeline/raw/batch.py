"""One delivered file: read, cast, judged, and written as a Parquet batch with its quarantine."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from crm_pipeline.config.contract import Contract, duckdb_schema
from crm_pipeline.config.preset import LINE
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw import marks
from crm_pipeline.raw.batch_files import write
from crm_pipeline.raw.casting import (
    DELETED,
    FATE,
    FIT,
    HASH,
    LEFT_OUT,
    MISFIT,
    TYPED_ROWS,
    WAITING,
    CastPlan,
)
from crm_pipeline.raw.folding import COPIES, find_copies, fold, plainly, reading_of
from crm_pipeline.raw.header import require_columns
from crm_pipeline.raw.landed import Unforeseen, one_file, refuse_unreadable
from crm_pipeline.raw.ledger import FATES, QUARANTINE_COLUMNS, REFUSED, LedgerEntry
from crm_pipeline.raw.lookup import Lookups
from crm_pipeline.raw.misfits import LATER, code_name
from crm_pipeline.raw.readers import read_file
from crm_pipeline.raw.sandbox import EXPRESSION_VALUES, Sandbox, value_column
from crm_pipeline.raw.source_rows import PROBLEM, REMEDY, SOURCE_ROWS, FileRows, writable
from crm_pipeline.raw.textfile import Refused
from crm_pipeline.raw.waiting import UNTIL, in_utc, note_waiting
from crm_pipeline.storage.sql import literal, quoted

_QUARANTINE = "quarantine_rows"
_DROPPED = "dropped_lines"


@dataclass(frozen=True)
class Delivery:
    """A file that is to be loaded."""

    path: Path
    source: SourceConfig
    contract: Contract
    zone: str
    entry: LedgerEntry
    currency: str = ""
    #: Folders that the file may really lie in; empty where that has been looked at.
    within: tuple[Path, ...] = ()
    #: Where a source has lookup files.
    lookups: Lookups | None = None


@dataclass(frozen=True)
class Outputs:
    """Where a delivery goes: its typed rows, quarantined values, marks and waiting rows; none is written empty."""

    batch: Path
    quarantine: Path
    marks: Path
    waiting: Path

    def discard(self) -> None:
        """Remove what was written."""
        for path in (self.batch, self.quarantine, self.marks, self.waiting):
            path.unlink(missing_ok=True)


def load_delivery(
    con: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    run_time: datetime,
    outputs: Outputs,
    work: Path,
    sandbox: Sandbox,
) -> None:
    """Load one file; fills the figures of `delivery.entry`.

    Args:
        con: a private database for the working tables.
        delivery: the file.
        run_time: time of the run; rows dated later wait.
        outputs: where its rows go.
        work: folder for temporary files.
        sandbox: runs the expressions of the source.
    """
    con.execute(f"create or replace table {_QUARANTINE} ({_kinds()})")
    entry = delivery.entry
    entry.loaded_at = in_utc(run_time)
    try:
        with one_file():
            _read_and_judge(con, delivery, run_time, outputs, work, sandbox)
    except Refused as refused:
        _refuse(con, delivery, refused)
        outputs.discard()
        if isinstance(refused, Unforeseen):
            # It may have been the machine's fault: the next run tries again.
            entry.mapping = ""
    if _count(con, _QUARANTINE):
        order = f'select * from {_QUARANTINE} order by line, "column"'
        write(con, order, outputs.quarantine)
    con.execute(f"drop view if exists {EXPRESSION_VALUES}")
    for table in (SOURCE_ROWS, TYPED_ROWS, COPIES, _DROPPED, _QUARANTINE):
        con.execute(f"drop table if exists {table}")


def _read_and_judge(
    con: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    run_time: datetime,
    outputs: Outputs,
    work: Path,
    sandbox: Sandbox,
) -> None:
    if delivery.within:
        refuse_unreadable(delivery.path, delivery.within)
    source, entry = delivery.source, delivery.entry
    if delivery.lookups and source.join:
        delivery.lookups.prepare(source, delivery.zone, delivery.currency)
    rows = read_file(con, delivery.path, source, work)
    entry.rows_read = _count(con, SOURCE_ROWS)
    require_columns(rows, source, entry.rows_read)
    if delivery.lookups and source.join:
        source = delivery.lookups.join(rows, source)
    if source.aggregate:
        source, rows = _folded(con, delivery, source, rows, sandbox, work)
    plan = CastPlan(
        delivery.contract,
        source,
        delivery.zone,
        run_time,
        tuple(rows.columns),
        rows.named,
        delivery.currency,
    )
    _cast(con, plan, rows, sandbox, work)
    entry.problem = rows.problem
    _settle_fates(con, delivery, plan)
    _write_rows(con, delivery, plan, outputs)


def _folded(
    con: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    source: SourceConfig,
    rows: FileRows,
    sandbox: Sandbox,
    work: Path,
) -> tuple[SourceConfig, FileRows]:
    """Fold the rows that the source wants; return the source and the columns as they are then."""
    assert source.aggregate  # noqa: S101 - asked for by the caller
    entry = delivery.entry
    if source.where is not None:
        entry.rows_left_out = _leave_out(con, source, rows, sandbox, work)
    copies = find_copies(con, rows)
    if source.exact_duplicates == "drop":
        con.execute(f'delete from {SOURCE_ROWS} where "{LINE}" in (from {COPIES})')
        entry.rows_duplicate = copies
    elif copies:
        entry.rows_duplicate_kept = copies
        if source.exact_duplicates is None:
            rows.problem = rows.problem or (
                f"{copies:,} of its rows are exact copies of others, and count like them in what aggregate makes. Set "
                f"exact_duplicates of the source {source.name} to drop, if the export repeats rows, or to keep."
            )
    reading = reading_of(source, delivery.zone, delivery.currency)
    rows, entry.rows_folded = fold(con, source.aggregate, reading, rows)
    return plainly(source, source.aggregate).model_copy(update={"where": None}), rows


def _leave_out(
    con: duckdb.DuckDBPyConnection, source: SourceConfig, rows: FileRows, sandbox: Sandbox, work: Path
) -> int:
    """Delete the rows of which the condition of the source is not true; return how many."""
    assert source.where is not None  # noqa: S101 - asked for by the caller
    sandbox.evaluate(con, {"where": (source.where, "boolean")}, source.name, work, source.may_lack, rows)
    unwanted = f'select "{LINE}" from {EXPRESSION_VALUES} where not coalesce({value_column("where")}, false)'
    before = _count(con, SOURCE_ROWS)
    con.execute(f'delete from {SOURCE_ROWS} where "{LINE}" in ({unwanted})')
    return before - _count(con, SOURCE_ROWS)


def _cast(con: duckdb.DuckDBPyConnection, plan: CastPlan, rows: FileRows, sandbox: Sandbox, work: Path) -> None:
    """Cast all rows; an expression of pipeline.yml that cannot be run refuses the file."""
    if expressions := plan.expressions():
        sandbox.evaluate(con, expressions, plan.source.name, work, plan.source.may_lack, rows)
    con.execute(plan.as_written(con).typed_rows())


def _settle_fates(con: duckdb.DuckDBPyConnection, delivery: Delivery, plan: CastPlan) -> None:
    """Decide the fate of each row; what is neither quarantined, dropped, withdrawn nor waiting is loaded."""
    entry = delivery.entry
    unparsed = _count(con, SOURCE_ROWS, f'"{PROBLEM}" is not null')
    fates = dict(con.execute(f"select {FATE}, count(*) from {TYPED_ROWS} group by all").fetchall())
    misfits = fates.get(MISFIT, 0)
    entry.rows_quarantined = unparsed + misfits
    entry.rows_left_out += fates.get(LEFT_OUT, 0)
    if unparsed:
        _quarantine_unparsed(con, delivery, plan)
    if misfits:
        _quarantine_misfits(con, delivery, plan)
    con.execute(
        f"""
        create or replace table {_DROPPED} as
        select "{LINE}" from (
            select "{LINE}", row_number() over (partition by {HASH} order by "{LINE}") as copy
            from {TYPED_ROWS} where {FATE} in ({FIT}, {WAITING})
        ) where copy > 1
        """
    )
    copies = _count(con, _DROPPED)
    if delivery.source.drops_duplicates:
        entry.rows_duplicate += copies
    else:
        entry.rows_duplicate_kept += copies
        con.execute(f"delete from {_DROPPED}")
    entry.rows_withdrawn = fates.get(DELETED, 0)
    if delivery.contract.primary_key:
        filled = {column.name for column in plan.mapped}
        if entry.rows_withdrawn:
            entry.rows_withdrawn += _drop_deleted_records(con, [n for n in delivery.contract.record_key if n in filled])
        entry.rows_superseded = _drop_earlier_rows_of_a_key(
            con, [name for name in delivery.contract.primary_key if name in filled]
        )


def _drop_deleted_records(con: duckdb.DuckDBPyConnection, key: list[str]) -> int:
    """Drop the rows of a record that a later line of the same file deletes."""
    before = _count(con, _DROPPED)
    columns = ", ".join(quoted(name) for name in key)
    same = " and ".join(f"live.{quoted(name)} is not distinct from dead.{quoted(name)}" for name in key)
    con.execute(
        f"""
        insert into {_DROPPED}
        select live."{LINE}"
        from (from {TYPED_ROWS} anti join {_DROPPED} using ("{LINE}") where {FATE} in ({FIT}, {WAITING})) as live
        join (
            select {columns}, max("{LINE}") as deleted_at from {TYPED_ROWS} where {FATE} = {DELETED} group by all
        ) as dead on {same} and live."{LINE}" < dead.deleted_at
        """
    )
    return _count(con, _DROPPED) - before


def _drop_earlier_rows_of_a_key(con: duckdb.DuckDBPyConnection, key: list[str]) -> int:
    before = _count(con, _DROPPED)
    columns = ", ".join(quoted(name) for name in key)
    con.execute(
        f"""
        insert into {_DROPPED}
        select "{LINE}" from (
            select "{LINE}", row_number() over (partition by {columns} order by "{LINE}" desc) as age
            from {TYPED_ROWS} anti join {_DROPPED} using ("{LINE}")
            where {FATE} = {FIT}
        ) where age > 1
        """
    )
    return _count(con, _DROPPED) - before


def _write_rows(con: duckdb.DuckDBPyConnection, delivery: Delivery, plan: CastPlan, outputs: Outputs) -> None:
    """Write the rows that are loaded and those that wait, and what the others say of their records."""
    entry = delivery.entry
    provenance = {
        "_source": literal(entry.source),
        "_system": literal(entry.system),
        "_file": literal(entry.file),
        "_line": f'"{LINE}"',
        "_delivery": str(entry.delivery),
        "_first_delivery": str(entry.delivery),
    }
    mapped = {column.name: quoted(column.name) for column in plan.mapped}
    values = ", ".join(
        f"({(mapped | provenance).get(name, 'null')})::{kind} as {quoted(name)}"
        for name, kind in duckdb_schema(delivery.contract).items()
    )
    rows = f'from {TYPED_ROWS} anti join {_DROPPED} using ("{LINE}")'
    write(con, f"select {values} {rows} where {FATE} = {FIT} order by _line", outputs.batch)
    if plan.has_run_time:
        waiting = f"select {values}, {plan.waits_until()} as {UNTIL} {rows} where {FATE} = {WAITING} order by _line"
        write(con, waiting, outputs.waiting)
    note_waiting(con, entry, outputs.waiting)
    marks.write_marks(con, delivery.contract, entry.delivery, _marked(delivery, plan), outputs.marks)
    gone = sum(getattr(entry, f"rows_{fate}") for fate in FATES if fate != "loaded")
    entry.rows_loaded = entry.rows_read - gone


def _marked(delivery: Delivery, plan: CastPlan) -> dict[str, str]:
    """Return what rows say of their records, loaded or not; who is there matters to full deliveries only."""
    mapped = {column.name for column in plan.mapped}
    key = ", ".join(
        quoted(name) if name in mapped else f"null as {quoted(name)}" for name in delivery.contract.record_key
    )
    marked = {marks.DELETED: f"select {key} from {TYPED_ROWS} where {FATE} = {DELETED}"}
    if delivery.source.delivery != "changes":
        there = f"{FATE} in ({FIT}, {WAITING}, {MISFIT}) and {plan.key_is_known()}"
        marked[marks.HELD] = f"select {key} from {TYPED_ROWS} where {there}"
        unknown = f"exists (from {TYPED_ROWS} where {FATE} = {MISFIT} and not ({plan.key_is_known()}))"
        unparsed = f'exists (from {SOURCE_ROWS} where "{PROBLEM}" is not null)'
        nothing = ", ".join(f"null as {quoted(name)}" for name in delivery.contract.record_key)
        marked[marks.UNKNOWN] = f"select {nothing} where {unknown} or {unparsed}"
    return marked


def _quarantine_unparsed(con: duckdb.DuckDBPyConnection, delivery: Delivery, plan: CastPlan) -> None:
    con.execute(
        f"""
        insert into {_QUARANTINE}
        select {_place(delivery.entry)}, "{LINE}", null, "{PROBLEM}", "{REMEDY}", {plan.row_as_json()}
        from {SOURCE_ROWS} where "{PROBLEM}" is not null
        """
    )


def _quarantine_misfits(con: duckdb.DuckDBPyConnection, delivery: Delivery, plan: CastPlan) -> None:
    """Write one entry per value that does not fit, for the few columns that have any."""
    for column in plan.mapped:
        code = code_name(column)
        wrong = f"{FATE} = {MISFIT} and {code} <> {LATER}"
        if not _count(con, TYPED_ROWS, wrong):
            continue
        lines = f'"{LINE}" in (select "{LINE}" from {TYPED_ROWS} where {wrong})'
        con.execute(
            f"""
            insert into {_QUARANTINE}
            select {_place(delivery.entry)}, "{LINE}", {literal(column.name)}, {plan.problem(column)},
                {plan.remedy(column)}, row_text
            from ({plan.texts(lines)})
            join (select "{LINE}", {code} from {TYPED_ROWS} where {wrong}) using ("{LINE}")
            join (select "{LINE}", {plan.row_as_json()} as row_text from {SOURCE_ROWS} where {lines}) using ("{LINE}")
            """
        )


def _refuse(con: duckdb.DuckDBPyConnection, delivery: Delivery, refused: Refused) -> None:
    entry = delivery.entry
    entry.outcome = REFUSED
    entry.problem = writable(f"{refused.problem} {refused.remedy}")
    entry.rows_read = entry.rows_quarantined = max(refused.rows, 0)
    entry.rows_duplicate_kept = 0
    for fate in FATES:
        if fate != "quarantined":
            setattr(entry, f"rows_{fate}", 0)
    con.execute(f"delete from {_QUARANTINE}")
    told = [writable(refused.problem), writable(refused.remedy)]
    con.execute(f"insert into {_QUARANTINE} select {_place(entry)}, null, null, ?, ?, null", told)


def _place(entry: LedgerEntry) -> str:
    return ", ".join(literal(text) for text in (entry.source, entry.channel, entry.file))


def _kinds() -> str:
    return ", ".join(f"{quoted(name)} {kind}" for name, (kind, _) in QUARANTINE_COLUMNS.items())


def _count(con: duckdb.DuckDBPyConnection, table: str, condition: str = "true") -> int:
    return int(con.execute(f"select count(*) from {table} where {condition}").fetchall()[0][0])
