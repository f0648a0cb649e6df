"""The DuckDB table `source_rows` that every reader fills: all columns as text, each row with its line number.

Rows that cannot be parsed are in the table too, with their problem and without values.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from crm_pipeline.raw.textfile import UNDECODABLE

SOURCE_ROWS = "source_rows"
LINE, PROBLEM, REMEDY, RAW = "__line", "__problem", "__remedy", "__raw"
_OWN = f'"{LINE}" bigint, "{PROBLEM}" varchar, "{REMEDY}" varchar, "{RAW}" varchar'
_BATCH_ROWS = 20_000
_BATCH_CHARACTERS = 8_000_000
_MOST_CHARACTERS_SHOWN = 10_000


@dataclass
class FileRows:
    """What was read: the source columns, and what is wrong with the file as a whole."""

    columns: list[str]
    problem: str | None = None
    ambiguous: set[str] = field(default_factory=set)


def quoted(name: str) -> str:
    """Return a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


def writable(text: str) -> str:
    """Return a row's text as it can be kept in the quarantine."""
    return text.rstrip("\r\n").replace(UNDECODABLE, "\ufffd").replace("\0", "\ufffd")[:_MOST_CHARACTERS_SHOWN]


def create_source_rows(con: duckdb.DuckDBPyConnection, columns: list[str]) -> None:
    """Make the empty table; one of that name is replaced."""
    kinds = "".join(f", {quoted(name)} varchar" for name in columns)
    con.execute(f"create or replace table {SOURCE_ROWS} ({_OWN}{kinds})")


def fill_source_rows(con: duckdb.DuckDBPyConnection, columns: list[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Make the table with rows of line, problem, remedy, raw text and the columns' values."""
    create_source_rows(con, columns)
    insert(con, rows, numbered_schema(LINE, PROBLEM, REMEDY, RAW, *columns), SOURCE_ROWS)


def numbered_schema(line: str, *texts: str) -> pa.Schema:
    """Return the Arrow schema of a line number and columns of text."""
    return pa.schema([(line, pa.int64())] + [(name, pa.string()) for name in texts])


def insert(con: duckdb.DuckDBPyConnection, rows: Iterable[tuple[object, ...]], schema: pa.Schema, table: str) -> None:
    """Stream rows into a table, one bounded Arrow batch at a time."""
    reader = pa.RecordBatchReader.from_batches(schema, _batches(rows, schema))
    con.register("incoming_rows", reader)
    try:
        con.execute(f"insert into {table} select * from incoming_rows")
    finally:
        con.unregister("incoming_rows")


def _batches(rows: Iterable[tuple[object, ...]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    pending: list[tuple[object, ...]] = []
    size = 0
    for row in rows:
        pending.append(row)
        size += sum(len(value) for value in row if isinstance(value, str))
        if len(pending) >= _BATCH_ROWS or size >= _BATCH_CHARACTERS:
            yield _batch(pending, schema)
            pending, size = [], 0
    if pending:
        yield _batch(pending, schema)


def _batch(rows: list[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
