"""One delivered file: read, cast, judged, and written as a Parquet batch with its quarantine."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from crm_pipeline.dataset import SourceConfig
from crm_pipeline.raw.casting import HASH, TYPED_ROWS, CastPlan, code_name
from crm_pipeline.raw.contract import Contract, duckdb_schema
from crm_pipeline.raw.header import require_columns
from crm_pipeline.raw.ledger import QUARANTINE_COLUMNS, REFUSED, LedgerEntry
from crm_pipeline.raw.readers import read_file
from crm_pipeline.raw.source_rows import LINE, PROBLEM, REMEDY, SOURCE_ROWS, literal, quoted
from crm_pipeline.raw.textfile import Refused

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


def load_delivery(
    con: duckdb.DuckDBPyConnection, delivery: Delivery, run_time: datetime, batch: Path, quarantine: Path, work: Path
) -> None:
    """Load one file; fills the figures of `delivery.entry`.

    Args:
        con: a private database for the working tables.
        delivery: the file.
        run_time: time of the run; rows dated later are quarantined.
        batch: where the typed rows go; not written where there are none.
        quarantine: where the quarantined values go; not written where there are none.
        work: folder for temporary files.
    """
    con.execute(f"create or replace table {_QUARANTINE} ({_kinds()})")
    entry = delivery.entry
    entry.loaded_at = run_time.astimezone(UTC).replace(tzinfo=None) if run_time.tzinfo else run_time
    try:
        rows = read_file(con, delivery.path, delivery.source, work)
        require_columns(rows, delivery.source, _count(con, SOURCE_ROWS))
        plan = CastPlan(delivery.contract, delivery.source, delivery.zone, run_time, tuple(rows.columns), rows.named)
        _cast(con, plan)
        entry.problem = rows.problem
        _judge(con, delivery, plan)
        if entry.rows_loaded:
            _write_batch(con, delivery, plan, batch)
    except Refused as refused:
        _refuse(con, delivery, refused)
    if _count(con, _QUARANTINE):
        order = f'select * from {_QUARANTINE} order by line, "column"'
        con.execute(f"copy ({order}) to {literal(str(quarantine))} (format parquet, compression zstd)")
    for table in (SOURCE_ROWS, TYPED_ROWS, _DROPPED, _QUARANTINE):
        con.execute(f"drop table if exists {table}")


def _cast(con: duckdb.DuckDBPyConnection, plan: CastPlan) -> None:
    """Cast all rows; an expression of pipeline.yml that cannot be run refuses the file."""
    try:
        con.execute(plan.typed_rows())
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        rows = _count(con, SOURCE_ROWS)
        problem = _expression_problem(con, plan, error)
        remedy = "Correct the sql expressions of this source in pipeline.yml; try_cast avoids errors on odd values."
        raise Refused(problem, remedy, rows) from error


def _expression_problem(con: duckdb.DuckDBPyConnection, plan: CastPlan, error: duckdb.Error) -> str:
    """Name the column whose expression fails, without the values that the database's message may hold."""
    for name, mapping in plan.source.columns.items():
        if mapping.sql is None:
            continue
        try:
            values = f'select ({mapping.sql}\n)::varchar as value from {SOURCE_ROWS} where "{PROBLEM}" is null'
            con.execute(f"select max(value) from ({values})").fetchall()
        except duckdb.BinderException as binder:
            return f"The expression of columns.{name} does not fit the file: {str(binder).splitlines()[0]}"
        except duckdb.Error as failed:
            return f"The expression of columns.{name} fails on a row ({type(failed).__name__})."
    raise error


def _judge(con: duckdb.DuckDBPyConnection, delivery: Delivery, plan: CastPlan) -> None:
    """Decide the fate of each row: quarantined, a dropped copy, superseded within the file, or loaded."""
    entry, bad = delivery.entry, plan.is_bad()
    entry.rows_read = _count(con, SOURCE_ROWS)
    unparsed = _count(con, SOURCE_ROWS, f'"{PROBLEM}" is not null')
    misfits = _count(con, TYPED_ROWS, bad)
    entry.rows_quarantined = unparsed + misfits
    if unparsed:
        _quarantine_unparsed(con, delivery, plan)
    if misfits:
        _quarantine_misfits(con, delivery, plan)
    con.execute(
        f"""
        create or replace table {_DROPPED} as
        select "{LINE}" from (
            select "{LINE}", row_number() over (partition by {HASH} order by "{LINE}") as copy
            from {TYPED_ROWS} where not ({bad})
        ) where copy > 1
        """
    )
    copies = _count(con, _DROPPED)
    if delivery.source.drops_duplicates:
        entry.rows_duplicate = copies
    else:
        entry.rows_duplicate_kept = copies
        con.execute(f"delete from {_DROPPED}")
    if delivery.contract.primary_key:
        filled = {column.name for column in plan.mapped}
        key = [name for name in delivery.contract.primary_key if name in filled]
        entry.rows_superseded = _drop_earlier_rows_of_a_key(con, key, bad)
    entry.rows_loaded = entry.rows_read - entry.rows_quarantined - entry.rows_duplicate - entry.rows_superseded


def _drop_earlier_rows_of_a_key(con: duckdb.DuckDBPyConnection, key: list[str], bad: str) -> int:
    before = _count(con, _DROPPED)
    columns = ", ".join(quoted(name) for name in key)
    con.execute(
        f"""
        insert into {_DROPPED}
        select "{LINE}" from (
            select "{LINE}", row_number() over (partition by {columns} order by "{LINE}" desc) as age
            from {TYPED_ROWS} anti join {_DROPPED} using ("{LINE}")
            where not ({bad})
        ) where age > 1
        """
    )
    return _count(con, _DROPPED) - before


def _write_batch(con: duckdb.DuckDBPyConnection, delivery: Delivery, plan: CastPlan, batch: Path) -> None:
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
    con.execute(
        f"""
        copy (
            select {values} from {TYPED_ROWS} anti join {_DROPPED} using ("{LINE}")
            where not ({plan.is_bad()}) order by _line
        ) to {literal(str(batch))} (format parquet, compression zstd)
        """
    )


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
        if not _count(con, TYPED_ROWS, f"{code} is not null"):
            continue
        lines = f'"{LINE}" in (select "{LINE}" from {TYPED_ROWS} where {code} is not null)'
        con.execute(
            f"""
            insert into {_QUARANTINE}
            select {_place(delivery.entry)}, "{LINE}", {literal(column.name)}, {plan.problem(column)},
                {plan.remedy(column)}, row_text
            from ({plan.texts(lines)})
            join (select "{LINE}", {code} from {TYPED_ROWS} where {code} is not null) using ("{LINE}")
            join (select "{LINE}", {plan.row_as_json()} as row_text from {SOURCE_ROWS} where {lines}) using ("{LINE}")
            """
        )


def _refuse(con: duckdb.DuckDBPyConnection, delivery: Delivery, refused: Refused) -> None:
    entry = delivery.entry
    entry.outcome = REFUSED
    entry.problem = f"{refused.problem} {refused.remedy}"
    entry.rows_read = entry.rows_quarantined = max(refused.rows, 0)
    entry.rows_loaded = entry.rows_duplicate = entry.rows_duplicate_kept = entry.rows_superseded = 0
    con.execute(f"delete from {_QUARANTINE}")
    con.execute(
        f"insert into {_QUARANTINE} select {_place(entry)}, null, null, ?, ?, null", [refused.problem, refused.remedy]
    )


def _place(entry: LedgerEntry) -> str:
    return ", ".join(literal(text) for text in (entry.source, entry.channel, entry.file))


def _kinds() -> str:
    return ", ".join(f"{quoted(name)} {kind}" for name, (kind, _) in QUARANTINE_COLUMNS.items())


def _count(con: duckdb.DuckDBPyConnection, table: str, condition: str = "true") -> int:
    return int(con.execute(f"select count(*) from {table} where {condition}").fetchall()[0][0])
