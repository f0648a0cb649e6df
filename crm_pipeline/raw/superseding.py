"""A later delivery of a key replaces the rows of that key from earlier deliveries of the same source.

Only the batches that hold such rows are rewritten; all others are linked into the new version as they are.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from crm_pipeline import lake
from crm_pipeline.raw.contract import Contract, duckdb_schema
from crm_pipeline.raw.ledger import LedgerEntry
from crm_pipeline.raw.source_rows import literal, quoted

_KEYS = "new_keys"


@dataclass(frozen=True)
class Batch:
    """A Parquet file with rows of one delivery, and its entry in the ledger."""

    entry: LedgerEntry
    path: Path
    is_new: bool


def settle(
    con: duckdb.DuckDBPyConnection, contract: Contract, batches: list[Batch], former: list[Path], target: Path
) -> None:
    """Put all batches of one source into `target`, without the rows that a later delivery replaced.

    Args:
        con: a private database for the working tables.
        contract: says which key replaces, and the columns.
        batches: the source's batches, those of this run and those kept; their entries' figures are updated.
        former: all batches of the source in the version before, also those that were read again.
        target: the channel's folder in the new version.
    """
    present = [batch for batch in batches if batch.entry.rows_loaded]
    fresh = [batch for batch in present if batch.is_new]
    touched: set[str] = set()
    if fresh and contract.replace_key and (len(present) > 1 or former):
        _collect_keys(con, contract, fresh, [batch.path for batch in present if not batch.is_new], former)
        touched = _touched(con, contract, [batch.path for batch in present])
    for batch in present:
        place = target / batch.entry.batch
        if str(batch.path) in touched:
            _rewrite(con, contract, batch, place)
        elif batch.is_new or _has_schema(con, contract, batch.path):
            lake.link_or_copy(batch.path, place)
        else:
            _conform(con, contract, batch.path, place)


def _collect_keys(
    con: duckdb.DuckDBPyConnection, contract: Contract, fresh: list[Batch], kept: list[Path], former: list[Path]
) -> None:
    """Make the table of the new rows' keys with their last delivery, and the first one they ever came with.

    Kept batches count for the last delivery (files read again are older than some of them); all former batches count
    for the first.
    """
    con.execute(
        f"""
        create or replace table {_KEYS} as
        select {_numbered(contract)}, max(_delivery) as last_delivery, min(_first_delivery) as first_delivery
        from {_files([batch.path for batch in fresh])} group by all
        """
    )
    for paths, column, function in ((kept, "last_delivery", "max"), (former, "first_delivery", "min")):
        if not paths:
            continue
        origin = "_delivery" if function == "max" else "_first_delivery"
        better = "greatest" if function == "max" else "least"
        con.execute(
            f"""
            update {_KEYS} set {column} = {better}({_KEYS}.{column}, known.seen)
            from (
                select {_numbered(contract)}, {function}({origin}) as seen
                from {_files(paths)} as batch semi join {_KEYS} on {_same_key(contract)} group by all
            ) as known
            where {" and ".join(f"{_KEYS}.{key} is not distinct from known.{key}" for key in _numbers(contract))}
            """
        )


def _touched(con: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path]) -> set[str]:
    """Return the files with rows that are replaced, or whose first delivery was an earlier one."""
    rows = con.execute(
        f"""
        select distinct filename
        from {_files(paths, ", filename = true")} as batch join {_KEYS} on {_same_key(contract)}
        where last_delivery > _delivery or first_delivery < _first_delivery
        """
    ).fetchall()
    return {name for (name,) in rows}


def _rewrite(con: duckdb.DuckDBPyConnection, contract: Contract, batch: Batch, place: Path) -> None:
    """Write a batch without its replaced rows; none is written where all are replaced."""
    values = _values(con, contract, batch.path, {"_first_delivery": "coalesce(first_delivery, _first_delivery)"})
    remaining = f"""
        from {_files([batch.path])} as batch left join {_KEYS} on {_same_key(contract)}
        where last_delivery is null or last_delivery <= _delivery
        """
    count = int(con.execute(f"select count(*) {remaining}").fetchall()[0][0])
    batch.entry.rows_superseded += batch.entry.rows_loaded - count
    batch.entry.rows_loaded = count
    if count:
        _copy(con, f"select {values} {remaining} order by _line", place)


def _conform(con: duckdb.DuckDBPyConnection, contract: Contract, path: Path, place: Path) -> None:
    """Rewrite a batch of an older contract with the columns of the present one."""
    _copy(con, f"select {_values(con, contract, path, {})} from {_files([path])} order by _line", place)


def _values(con: duckdb.DuckDBPyConnection, contract: Contract, path: Path, replaced: dict[str, str]) -> str:
    there = _schema_of(con, path)
    return ", ".join(
        f"try_cast({replaced.get(name, quoted(name) if name in there else 'null')} as {kind}) as {quoted(name)}"
        for name, kind in duckdb_schema(contract).items()
    )


def _schema_of(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"describe select * from {_files([path])}").fetchall()}


def _has_schema(con: duckdb.DuckDBPyConnection, contract: Contract, path: Path) -> bool:
    return list(_schema_of(con, path).items()) == list(duckdb_schema(contract).items())


def _copy(con: duckdb.DuckDBPyConnection, query: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    con.execute(f"copy ({query}) to {literal(str(place))} (format parquet, compression zstd)")


def _files(paths: list[Path], more: str = "") -> str:
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true{more})"


def _numbers(contract: Contract) -> list[str]:
    """Name the key's columns in the table of keys, where they must not clash with those of a batch."""
    return [f"key_{number}" for number, _ in enumerate(contract.replace_key, start=1)]


def _numbered(contract: Contract) -> str:
    pairs = zip(contract.replace_key, _numbers(contract), strict=True)
    return ", ".join(f"{quoted(name)} as {number}" for name, number in pairs)


def _same_key(contract: Contract) -> str:
    """Return the condition that a row has a key of the table; a missing part of a key equals a missing one."""
    pairs = zip(contract.replace_key, _numbers(contract), strict=True)
    return " and ".join(f"batch.{quoted(name)} is not distinct from {_KEYS}.{number}" for name, number in pairs)
