"""The DuckDB table `source_rows` that every reader fills: all columns as text, each row with its line number.

Rows that cannot be parsed are in the table too, with their problem and without values.
"""

import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from crm_pipeline.config.preset import LINE
from crm_pipeline.storage.sql import literal, quoted

SOURCE_ROWS = "source_rows"
#: Columns of our own. Each begins with a blank, which the name of a file's column never does (`named_columns`).
PROBLEM, REMEDY, RAW = " problem", " remedy", " raw"
_OWN = f'"{LINE}" bigint, "{PROBLEM}" varchar, "{REMEDY}" varchar, "{RAW}" varchar'
#: What stands around values and is no part of them.
SPACE = " \t\r\n\f\v\u00a0\ufeff"
_BATCH_ROWS = 20_000
_BATCH_CHARACTERS = 8_000_000
_MOST_CHARACTERS_SHOWN = 10_000
_UNWRITABLE = re.compile("[\ud800-\udfff\0]")
_INVISIBLE = f"{string.whitespace}\u00a0\u200b\ufeff"


@dataclass
class FileRows:
    """What was read: the source columns, and what is wrong with the file as a whole.

    `columns` are the names in `source_rows`, `named` leads to them from the names in the file; `ambiguous` are names
    that the file gives to several columns. Rows of a `sparse` file may leave out what is empty: a name that it does not
    have is a column without values.
    """

    columns: list[str]
    problem: str | None = None
    ambiguous: set[str] = field(default_factory=set)
    named: dict[str, str] = field(default_factory=dict)
    sparse: bool = False

    def column(self, name: str) -> str | None:
        """Return the column in `source_rows` that a mapping means; None where the file has none, or several."""
        if name in self.ambiguous:
            return None
        return self.named.get(name, name if name in self.columns else None)

    def add(self, name: str) -> str:
        """Take in a further column of that name; return what it is called in `source_rows`."""
        taken = {column.casefold() for column in self.columns}
        column = name
        while column.casefold() in taken:
            column = f"{column}_{len(self.columns) + 1}"
        self.columns.append(column)
        self.named[name] = column
        return column


def named_columns(names: Iterable[str]) -> FileRows:
    """Name the columns of `source_rows` after those of a file, whatever those are called.

    SQL does not tell names apart that differ in case only: a later one gets its position, and so does a blank one.
    """
    rows = FileRows([])
    taken: set[str] = set()
    for position, text in enumerate(names, start=1):
        name = text.strip(_INVISIBLE)
        column = name or f"column_{position}"
        while column.casefold() in taken:
            column = f"{column}_{position}"
        taken.add(column.casefold())
        rows.columns.append(column)
        if name in rows.named:
            rows.ambiguous.add(name)
        elif name:
            rows.named[name] = column
    return rows


def trimmed(text: str) -> str:
    """Return SQL for a text without the blanks around it; null where nothing else is in it."""
    return f"nullif(trim({text}, {literal(SPACE)}), '')"


def writable(text: str) -> str:
    """Return a row's text as it can be kept in the quarantine."""
    return _UNWRITABLE.sub("\ufffd", text.rstrip("\r\n"))[:_MOST_CHARACTERS_SHOWN]


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
