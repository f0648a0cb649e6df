"""Reads CSV: at once where the file is clean, else row by row, so that one bad row costs one row."""

import json
from itertools import islice
from pathlib import Path

import duckdb

from crm_pipeline.config.preset import LINE
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.csv_rows import Record, records
from crm_pipeline.raw.header import is_surely_header, looks_like_data, require_columns
from crm_pipeline.raw.header_place import elsewhere
from crm_pipeline.raw.source_rows import (
    PROBLEM,
    RAW,
    REMEDY,
    SOURCE_ROWS,
    FileRows,
    fill_source_rows,
    named_columns,
    writable,
)
from crm_pipeline.raw.textfile import Refused, Scan, numbered_lines, scan, transcode, usual_delimiter
from crm_pipeline.storage.lake import as_pattern
from crm_pipeline.storage.sql import literal


def read_csv(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, found: Scan, work: Path) -> FileRows:
    """Fill `source_rows` with the rows of a CSV file.

    Raises:
        Refused: if the header cannot be read or lacks a mapped column.
    """
    options = source.read
    delimiter = options.delimiter or usual_delimiter(path)
    with numbered_lines(path, options.encoding) as all_lines:
        lines = islice(all_lines, options.header_row - 1, None)
        header = next(records(lines, delimiter, options.quote, None), None)
        after_header = next(lines, (0, ""))[0]
    if header is None or header.problem:
        why = header.problem if header else "it is blank"
        raise Refused(f"The header line cannot be read: {why}.", "Deliver the file with a header line.", found.lines)
    rows = named_columns(header.fields)
    is_data = looks_like_data(header.fields) or not is_surely_header(rows, source)
    try:
        require_columns(rows, source, found.lines - header.line, is_data)
    except Refused as refused:
        with numbered_lines(path, options.encoding) as all_lines:
            rows_from_top = records(all_lines, delimiter, options.quote, None)
            named = ((record.line, record.fields) for record in rows_from_top)
            raise elsewhere(named, header.fields, source) or refused from None
    one_line_header = header.line == options.header_row and after_header in (0, header.line + 1)
    clean = found.plain and one_line_header
    if not (clean and _read_at_once(con, path, source, delimiter, rows.columns, found, work)):
        _read_carefully(con, path, source, delimiter, rows.columns)
    return rows


def _read_at_once(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    source: SourceConfig,
    delimiter: str,
    columns: list[str],
    found: Scan,
    work: Path,
) -> bool:
    """Let DuckDB parse the whole file; False if it cannot, or if the lines do not add up."""
    # Read under a name of our own: no name of a delivered file is taken for a pattern, or for the values of columns.
    readable = work / "delivered.csv"
    readable.unlink(missing_ok=True)
    readable.symlink_to(path.resolve())
    if source.read.encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "ascii", "us-ascii"):
        readable = work / "transcoded.csv"
        if not transcode(path, source.read.encoding, readable):
            return False
    with readable.open("rb") as file:
        compression = "gzip" if file.read(2) == b"\x1f\x8b" else "none"
    kinds = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    skipped = source.read.header_row
    try:
        con.execute(
            f"""
            create table {SOURCE_ROWS} as
            select row_number() over () + {skipped} as "{LINE}", null::varchar as "{PROBLEM}",
                null::varchar as "{REMEDY}", null::varchar as "{RAW}", *
            from read_csv({literal(as_pattern(readable))}, auto_detect = false, header = false, skip = {skipped},
                columns = {{{kinds}}}, delim = {literal(delimiter)}, quote = {literal(source.read.quote)},
                escape = {literal(source.read.quote)}, compression = '{compression}', strict_mode = true,
                null_padding = false, max_line_size = 4000000, hive_partitioning = false)
            """
        )
        count = con.execute(f"select count(*) from {SOURCE_ROWS}").fetchall()[0][0]
    except duckdb.Error:
        return False
    lines = found.lines if readable.is_symlink() else scan(readable).lines
    return bool(count == lines - skipped)


def _read_carefully(
    con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, delimiter: str, columns: list[str]
) -> None:
    with numbered_lines(path, source.read.encoding) as all_lines:
        lines = islice(all_lines, source.read.header_row - 1, None)
        rows = records(lines, delimiter, source.read.quote, len(columns))
        next(rows, None)
        fill_source_rows(con, columns, (_values(record, len(columns)) for record in rows))


def _values(record: Record, width: int) -> tuple[object, ...]:
    if record.problem is None:
        return (record.line, None, None, None, *(value or None for value in record.fields))
    raw = json.dumps({"line": writable(record.text)}, ensure_ascii=False)
    return (record.line, record.problem, record.remedy or "", raw, *([None] * width))
