"""Reads Parquet batch by batch, with the number of the row for its line: each value as the text that a CSV would hold.

DuckDB is given numbered columns, never the file: its reader takes names for patterns, and adds columns of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.source_rows import SOURCE_ROWS, FileRows, create_source_rows, named_columns
from crm_pipeline.raw.textfile import Refused
from crm_pipeline.storage.sql import quoted

_BATCH_ROWS = 20_000
_DAMAGE = (pa.ArrowException, duckdb.Error, OSError, ValueError)


def read_parquet(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig) -> FileRows:
    """Fill `source_rows` with the rows of a Parquet file.

    Raises:
        Refused: if it is no Parquet file, or a damaged one.
    """
    with path.open("rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            rows = named_columns(parquet.schema_arrow.names)
            create_source_rows(con, rows.columns)
            _insert(con, parquet)
            rows.problem = _lost_digits(con, parquet, rows, source)
        except duckdb.OutOfMemoryException:
            raise
        except _DAMAGE as error:
            problem = f"The file cannot be read as Parquet ({type(error).__name__})."
            raise Refused(problem, "Deliver the file again, or set read.format to what it is.") from None
    return rows


def _insert(con: duckdb.DuckDBPyConnection, parquet: pq.ParquetFile) -> None:
    kinds = [_readable(kind) for kind in parquet.schema_arrow.types]
    schema = pa.schema([("line", pa.int64()), *((f"c{number}", kind) for number, kind in enumerate(kinds))])
    texts = "".join(f", {_text(f'c{number}', kind)}" for number, kind in enumerate(kinds))
    con.register("incoming_rows", pa.RecordBatchReader.from_batches(schema, _numbered(parquet, schema)))
    try:
        con.execute(f"insert into {SOURCE_ROWS} select line, null, null, null{texts} from incoming_rows")
    finally:
        con.unregister("incoming_rows")


def _numbered(parquet: pq.ParquetFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    line = 1
    for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
        lines = pa.array(range(line, line + batch.num_rows), pa.int64())
        columns = [column.cast(kind) for column, kind in zip(batch.columns, schema.types[1:], strict=True)]
        yield pa.RecordBatch.from_arrays([lines, *columns], schema=schema)
        line += batch.num_rows


def _readable(kind: pa.DataType) -> pa.DataType:
    """Return the type in which DuckDB takes a column."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind if kind.extension_name == "arrow.uuid" else _readable(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _readable(kind.value_type)
    if pa.types.is_decimal256(kind):
        return pa.string()
    return pa.float32() if pa.types.is_float16(kind) else kind


def _text(name: str, kind: pa.DataType) -> str:
    """Return SQL for a column's values as text."""
    if pa.types.is_floating(kind):
        # A whole number has no decimals: frames keep ids beside missing ones as doubles.
        whole = f"when {name} = trunc({name}) and abs({name}) < 1e37 then {name}::hugeint::varchar"
        return f"case when isnan({name}) then null {whole} else {name}::varchar end"
    if _is_binary(kind):
        # Some programs do not say of their texts that they are texts.
        text = f"try(decode({name}))"
        return f"case when regexp_matches({text}, '^[^\\x00-\\x08]*$') then {text} else lower(hex({name})) end"
    return f"to_json({name})::varchar" if pa.types.is_nested(kind) else f"{name}::varchar"


def _lost_digits(
    con: duckdb.DuckDBPyConnection, parquet: pq.ParquetFile, rows: FileRows, source: SourceConfig
) -> str | None:
    """Name a column of ids that are too large for the kind of number that holds them: two of them may look like one."""
    kinds = dict(zip(rows.columns, parquet.schema_arrow.types, strict=True))
    text_columns = {column.name for column in contracts()[source.channel].columns if column.logical_type == "string"}
    origins = [origin for name, mapping in source.columns.items() if name in text_columns for origin in mapping.origins]
    for origin in origins:
        column = rows.column(origin)
        if column is None:
            continue
        exact = {pa.float32(): 2**24, pa.float64(): 2**53}.get(kinds[column])
        largest = f"select count(*) from {SOURCE_ROWS} where abs({quoted(column)}::double) > {exact}"
        if exact and con.execute(largest).fetchall()[0][0]:
            return f"The whole numbers of '{origin}' are too large for a {kinds[column]}. Export them as text."
    return None


def _is_binary(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)
