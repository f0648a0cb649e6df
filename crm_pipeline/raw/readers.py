"""Reads one delivered file, of whatever format, into the DuckDB table `source_rows`."""

from pathlib import Path

import duckdb

from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.csv_file import read_csv
from crm_pipeline.raw.excel_file import read_excel
from crm_pipeline.raw.json_file import holds_lines, read_json_document, read_json_lines
from crm_pipeline.raw.parquet_file import read_parquet
from crm_pipeline.raw.source_rows import SOURCE_ROWS, FileRows
from crm_pipeline.raw.textfile import Refused, plain_suffix, refuse_unusable, scan

#: Suffix (without .gz) -> format that it stands for.
FORMAT_OF_SUFFIX = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".json": "json",
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls"), "excel"),
}


def file_format(path: Path, source: SourceConfig) -> str:
    """Return csv, jsonl, json, parquet or excel, as the source says or the suffix tells.

    Raises:
        Refused: if neither tells.
    """
    if source.read.format:
        return source.read.format
    suffix = plain_suffix(path)
    if suffix in FORMAT_OF_SUFFIX:
        return FORMAT_OF_SUFFIX[suffix]
    formats = ", ".join(dict.fromkeys(FORMAT_OF_SUFFIX.values()))
    problem = f"The suffix of the file ('{suffix}') does not tell its format."
    raise Refused(problem, f"Set read.format to one of {formats} for this source in pipeline.yml.")


def read_file(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, work: Path) -> FileRows:
    """Fill the table `source_rows` with the rows of a file.

    Args:
        con: where the table is made; one of that name is replaced.
        path: the file.
        source: says how to read it.
        work: folder for temporary files.

    Raises:
        Refused: if no row of the file can be used.
    """
    con.execute(f"drop table if exists {SOURCE_ROWS}")
    if path.is_dir():
        raise Refused("It is a folder, not a file.", "Correct the pattern `files` of this source in pipeline.yml.")
    kind = file_format(path, source)
    if kind == "parquet":
        return read_parquet(con, path, source)
    if kind == "excel":
        return read_excel(con, path, source)
    return _read_text(con, path, source, kind, work)


def _read_text(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, kind: str, work: Path) -> FileRows:
    found = scan(path, source.read.unpacked_limit)
    refuse_unusable(found, source.read.encoding)
    told = source.read.format or source.read.records
    if kind == "csv":
        return read_csv(con, path, source, found, work)
    if kind == "jsonl" or (not told and holds_lines(found.head, source.read.encoding)):
        return read_json_lines(con, path, source, found)
    return read_json_document(con, path, source)
