"""Reads and writes the Parquet files of raw rows: batches of deliveries, and what stands beside them."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from crm_pipeline.config.contract import Contract, duckdb_schema
from crm_pipeline.storage.lake import as_pattern
from crm_pipeline.storage.sql import literal, quoted


def files(paths: Iterable[Path], more: str = "") -> str:
    """Return SQL for the rows of Parquet files, by column name."""
    listed = ", ".join(literal(as_pattern(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true{more})"


def columns_of(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Return the columns of a Parquet file with their DuckDB types."""
    return {row[0]: row[1] for row in con.execute(f"describe select * from {files([path])}").fetchall()}


def conformed(
    con: duckdb.DuckDBPyConnection, contract: Contract, path: Path, replaced: dict[str, str] | None = None
) -> str:
    """Return SQL for the columns of the present contract from a file that an older one may have written.

    Args:
        con: reads the file's schema.
        contract: says the columns and types.
        path: the file.
        replaced: column -> SQL that stands for it.
    """
    there = columns_of(con, path)
    origins = {name: quoted(name) if name in there else "null" for name in duckdb_schema(contract)} | (replaced or {})
    return ", ".join(
        f"try_cast({origins[name]} as {kind}) as {quoted(name)}" for name, kind in duckdb_schema(contract).items()
    )


def write(con: duckdb.DuckDBPyConnection, query: str, place: Path) -> None:
    """Write the rows of a query; no file is written where there are none."""
    if con.execute(f"select 1 from ({query}) limit 1").fetchall():
        place.parent.mkdir(parents=True, exist_ok=True)
        con.execute(f"copy ({query}) to {literal(str(place))} (format parquet, compression zstd)")
