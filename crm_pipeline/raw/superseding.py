"""What becomes of earlier deliveries of a source: rows whose key comes again are superseded, others are withdrawn.

Withdrawn is what a later delivery says is deleted, and what a later full delivery does not hold any more. Only the
batches that hold such rows are rewritten; all others are linked into the new version as they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import duckdb

from crm_pipeline.config.contract import Contract, duckdb_schema
from crm_pipeline.config.sources import DeliveryKind
from crm_pipeline.raw.batch_files import columns_of, conformed, files, write
from crm_pipeline.raw.ledger import REFUSED, LedgerEntry
from crm_pipeline.raw.marks import DELETED, HELD, UNKNOWN
from crm_pipeline.storage import lake
from crm_pipeline.storage.sql import literal, quoted

_KEYS, _DELETED, _HELD = "new_keys", "deleted_records", "held_records"
_NAMED = 5


@dataclass(frozen=True)
class Batch:
    """A delivery's rows, its marks on records that it deletes or cannot tell, and its entry in the ledger.

    Neither file need be there.
    """

    entry: LedgerEntry
    path: Path
    marks: Path
    is_new: bool


def settle(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    batches: list[Batch],
    former: list[Path],
    target: Path,
    delivery: DeliveryKind = "changes",
) -> None:
    """Put all batches of one source into `target`, without the rows that later deliveries replaced or withdrew.

    Args:
        con: a private database for the working tables.
        contract: says which key replaces, and the columns.
        batches: the source's batches, those of this run and those kept; their entries' figures are updated.
        former: all batches of the source in the version before, also those that were read again.
        target: the channel's folder in the new version.
        delivery: what a file of the source holds.
    """
    present = [batch for batch in batches if batch.entry.rows_loaded]
    touched: set[str] = set()
    if contract.replace_key and any(batch.is_new for batch in batches):
        kept = [batch.path for batch in present if not batch.is_new]
        _collect_keys(con, contract, [batch.path for batch in present if batch.is_new], kept, former)
        _collect_deleted(con, contract, [batch.marks for batch in batches if batch.marks.exists()])
        wholes = _collect_held(con, contract, batches, delivery)
        touched = _touched(con, contract, [batch.path for batch in present], wholes)
    for batch in present:
        place = target / batch.entry.batch
        if str(batch.path) in touched:
            if batch.is_new and contract.part_column:
                _name_what_is_cut(con, contract, batch, present)
            _rewrite(con, contract, batch, place, wholes)
        elif batch.is_new or _has_schema(con, contract, batch.path):
            lake.link_or_copy(batch.path, place)
        else:
            _conform(con, contract, batch.path, place)


def _wholes(batches: Iterable[Batch], delivery: DeliveryKind) -> list[list[Batch]]:
    """Put together the batches that make up one full delivery each, the oldest first; none where they hold changes."""
    parts: dict[object, list[Batch]] = {}
    for batch in batches:
        if delivery != "changes" and batch.entry.outcome != REFUSED:
            folder = PurePosixPath(batch.entry.file).parent
            parts.setdefault(folder if delivery == "full_folder" else batch.entry.delivery, []).append(batch)
    return sorted(parts.values(), key=_number)


def _number(whole: list[Batch]) -> int:
    """Return the number of a full delivery: that of its last part."""
    return max(batch.entry.delivery for batch in whole)


def _collect_keys(
    con: duckdb.DuckDBPyConnection, contract: Contract, fresh: list[Path], kept: list[Path], former: list[Path]
) -> None:
    """Make the table of the new rows' keys with their last delivery, and the first one they ever came with.

    Kept batches count for the last delivery (files read again are older than some of them); all former batches count
    for the first.
    """
    key = contract.replace_key
    nothing = f"select {_empty(contract, key)}, 0::bigint as last_delivery, 0::bigint as first_delivery where false"
    found = f"""
        select {_numbered(key)}, max(_delivery) as last_delivery, min(_first_delivery) as first_delivery
        from {files(fresh)} group by all
        """
    con.execute(f"create or replace table {_KEYS} as {found if fresh else nothing}")
    for paths, column, function in ((kept, "last_delivery", "max"), (former, "first_delivery", "min")):
        if not paths or not fresh:
            continue
        origin = "_delivery" if function == "max" else "_first_delivery"
        better = "greatest" if function == "max" else "least"
        con.execute(
            f"""
            update {_KEYS} set {column} = {better}({_KEYS}.{column}, known.seen)
            from (
                select {_numbered(key)}, {function}({origin}) as seen
                from {files(paths)} as batch semi join {_KEYS} on {_same(key, _KEYS)} group by all
            ) as known
            where {" and ".join(f"{_KEYS}.{name} is not distinct from known.{name}" for name in _numbers(key))}
            """
        )


def _collect_deleted(con: duckdb.DuckDBPyConnection, contract: Contract, marks: list[Path]) -> None:
    """Make the table of the deleted records with the last delivery that says so."""
    key = contract.record_key
    nothing = f"select {_empty(contract, key)}, 0::bigint as delivery where false"
    found = f"""
        select {_numbered(key)}, max(_delivery) as delivery
        from {files(marks)} where mark = {literal(DELETED)} group by all
        """
    con.execute(f"create or replace table {_DELETED} as {found if marks else nothing}")


def _collect_held(
    con: duckdb.DuckDBPyConnection, contract: Contract, batches: list[Batch], delivery: DeliveryKind
) -> dict[int, LedgerEntry]:
    """Make the table of records with the full deliveries that hold them; return those that can tell who is gone.

    A row that cannot be used still says that its record is there. Where one does not even say which record it is, or
    where the delivery holds no row at all, nobody is taken for gone. Kept deliveries that are older than all of this
    run have had their effect on all rows.
    """
    oldest = min(batch.entry.delivery for batch in batches if batch.is_new)
    counting = [whole for whole in _wholes(batches, delivery) if _number(whole) >= oldest and _can_tell(con, whole)]
    if counting:
        held = " union all ".join(
            f"select {_numbered(contract.record_key)}, {_number(whole)} as whole from {_marked(whole, HELD)}"
            for whole in counting
        )
        keys = ", ".join(_numbers(contract.record_key))
        listed = f"select {keys}, list(distinct whole) as wholes from ({held}) group by all"
        con.execute(f"create or replace table {_HELD} as {listed}")
    return {_number(whole): max(whole, key=lambda batch: batch.entry.delivery).entry for whole in counting}


def _can_tell(con: duckdb.DuckDBPyConnection, whole: list[Batch]) -> bool:
    if not any(batch.marks.exists() for batch in whole):
        return False
    return _count(con, _marked(whole, HELD)) > 0 and _count(con, _marked(whole, UNKNOWN)) == 0


def _marked(whole: list[Batch], mark: str) -> str:
    """Return SQL for the records that a full delivery marks so."""
    return f"(from {files([batch.marks for batch in whole if batch.marks.exists()])} where mark = {literal(mark)})"


def _fate(contract: Contract, paths: list[Path], wholes: Iterable[int], more: str = "") -> str:
    """Return a query for the rows of batches with their fate: null for those that stay.

    `gone_by` is the number of the first full delivery after a row's own that does not hold its record.
    """
    record, numbers = contract.record_key, sorted(wholes)
    gone_by, held = "null::bigint", ""
    if numbers:
        lacks = f"number > _delivery and not list_contains(coalesce({_HELD}.wholes, []), number)"
        gone_by = f"list_min(list_filter({numbers}, lambda number: {lacks}))"
        held = f"left join {_HELD} on {_same(record, _HELD)}"
    return f"""
        select *, case
            when deleted_by > _delivery then 'withdrawn'
            when last_delivery > _delivery then 'superseded'
            when gone_by is not null then 'gone'
        end as fate
        from (
            select batch.*, first_delivery, last_delivery, {_DELETED}.delivery as deleted_by, {gone_by} as gone_by
            from {files(paths, more)} as batch
            left join {_KEYS} on {_same(contract.replace_key, _KEYS)}
            left join {_DELETED} on {_same(record, _DELETED)}
            {held}
        )
        """


def _touched(con: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], wholes: Iterable[int]) -> set[str]:
    """Return the files with rows that do not stay, or whose first delivery was an earlier one."""
    if not paths:
        return set()
    query = f"""
        select distinct filename from ({_fate(contract, paths, wholes, ", filename = true")})
        where fate is not null or first_delivery < _first_delivery
        """
    return {name for (name,) in con.execute(query).fetchall()}


def _rewrite(
    con: duckdb.DuckDBPyConnection, contract: Contract, batch: Batch, place: Path, wholes: dict[int, LedgerEntry]
) -> None:
    """Write a batch without the rows that do not stay; none is written where none stays."""
    rows, entry = _fate(contract, [batch.path], wholes), batch.entry
    entry.rows_loaded = 0
    counted = f"select fate, case when fate = 'gone' then gone_by end as whole, count(*) from ({rows}) group by all"
    for fate, whole, count in con.execute(counted).fetchall():
        if fate is None:
            entry.rows_loaded = count
        elif fate == "superseded":
            entry.rows_superseded += count
        else:
            entry.rows_withdrawn += count
        if whole is not None:
            wholes[whole].rows_taken_back += count
    if entry.rows_loaded:
        first = {"_first_delivery": "coalesce(first_delivery, _first_delivery)"}
        values = conformed(con, contract, batch.path, first)
        write(con, f"select {values} from ({rows}) where fate is null order by _line", place)


def _name_what_is_cut(con: duckdb.DuckDBPyConnection, contract: Contract, batch: Batch, present: list[Batch]) -> None:
    """Name in the ledger what goes on in a later file of the same load, with parts that this file does not have.

    Only the later file's parts are kept. That is right for a corrected export, and wrong where one export is cut into
    files within an order: somebody has to look.
    """
    entry = batch.entry
    later = [
        other
        for other in present
        if other.is_new and other.entry.load == entry.load and other.entry.delivery > entry.delivery
    ]
    if not later:
        return
    key, part = quoted(contract.replace_key[0]), quoted(str(contract.part_column))
    others = files([other.path for other in later])
    query = f"""
        select mine.{key} from {files([batch.path])} as mine
        semi join {others} as theirs on mine.{key} = theirs.{key}
        left join (select distinct {key}, {part} from {others}) as same
            on mine.{key} = same.{key} and mine.{part} is not distinct from same.{part}
        group by 1 having count(same.{key}) = 0 order by 1
        """
    cut = [str(found) for (found,) in con.execute(query).fetchall()]
    if cut:
        named = ", ".join(cut[:_NAMED]) + (", ..." if len(cut) > _NAMED else "")
        entry.problem = entry.problem or (
            f"{len(cut):,} of its {contract.name} keys go on in a later file of the same load with other rows "
            f"({contract.replace_key[0]} {named}): only those of the later file are kept. "
            "If an export is cut into several files, deliver it as one."
        )


def _conform(con: duckdb.DuckDBPyConnection, contract: Contract, path: Path, place: Path) -> None:
    """Rewrite a batch of an older contract with the columns of the present one."""
    write(con, f"select {conformed(con, contract, path)} from {files([path])} order by _line", place)


def _has_schema(con: duckdb.DuckDBPyConnection, contract: Contract, path: Path) -> bool:
    return list(columns_of(con, path).items()) == list(duckdb_schema(contract).items())


def _count(con: duckdb.DuckDBPyConnection, origin: str) -> int:
    return int(con.execute(f"select count(*) from {origin}").fetchall()[0][0])


def _numbers(key: Sequence[str]) -> list[str]:
    """Name a key's columns in the tables of keys, where they must not clash with those of a batch."""
    return [f"key_{number}" for number, _ in enumerate(key, start=1)]


def _numbered(key: Sequence[str]) -> str:
    return ", ".join(f"{quoted(name)} as {number}" for name, number in zip(key, _numbers(key), strict=True))


def _empty(contract: Contract, key: Sequence[str]) -> str:
    kinds = [contract.column(name).physical_type for name in key]
    return ", ".join(f"null::{kind} as {number}" for kind, number in zip(kinds, _numbers(key), strict=True))


def _same(key: Sequence[str], table: str) -> str:
    """Return the condition that a row has a key of the table; a missing part of a key equals a missing one."""
    pairs = zip(key, _numbers(key), strict=True)
    return " and ".join(f"batch.{quoted(name)} is not distinct from {table}.{number}" for name, number in pairs)
