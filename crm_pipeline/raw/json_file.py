"""Reads JSON: lines of one object each, or a document that holds them."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import duckdb

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.expressions import columns_read
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.header import closest, missing_column_remedy, named
from crm_pipeline.raw.json_document import JsonRecord, document_records
from crm_pipeline.raw.source_rows import (
    SOURCE_ROWS,
    FileRows,
    create_source_rows,
    insert,
    named_columns,
    numbered_schema,
    writable,
)
from crm_pipeline.raw.textfile import UNDECODABLE, Refused, Scan, numbered_lines, text_stream
from crm_pipeline.storage.sql import literal, quoted

_OBJECTS = "json_objects"


def read_json_lines(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, found: Scan) -> FileRows:
    """Fill `source_rows` from a file of JSON lines.

    Raises:
        Refused: if it is a document instead, or if no line has the key of a required column.
    """
    if found.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
        remedy = "Set read.format to json for this source in pipeline.yml."
        raise Refused("The file is one JSON array, not JSON lines.", remedy, found.lines)
    with numbered_lines(path, source.read.encoding) as lines:
        _keep_objects(con, (JsonRecord(*line) for line in lines if line[1].strip()), "line")
    return _extract(con, source, "line")


def read_json_document(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig) -> FileRows:
    """Fill `source_rows` from a JSON document; the line of a row is the number of its record.

    Raises:
        Refused: if the records cannot be found in it, or if none has the key of a required column.
    """
    broken: list[JsonRecord] = []

    def noting_problems(records: Iterable[JsonRecord]) -> Iterator[JsonRecord]:
        for record in records:
            broken.extend([record] if record.problem else [])
            yield record

    with text_stream(path, source.read.encoding) as text:
        records = document_records(text, source.read.records)
        # The first record is read here: a refusal cannot pass through DuckDB.
        first = next(records, None)
        if first and first.problem:
            raise Refused(f"The file is {first.problem}.", first.remedy or "", 1)
        _keep_objects(con, noting_problems(chain([first] if first else [], records)), "record")
    rows = _extract(con, source, "record")
    if broken:
        rows.problem = f"The document is {broken[0].problem} (record {broken[0].number}). {broken[0].remedy}"
    return rows


def holds_lines(head: bytes, encoding: str) -> bool:
    """Tell a file of JSON lines from a document by its first two lines."""
    lines = [line.strip() for line in head.decode(encoding, errors="ignore").removeprefix("\ufeff").splitlines()]
    first, second, *_ = [*filter(None, lines), "", ""]
    return first.startswith("{") and first.endswith("}") and second.startswith("{")


def _keep_objects(con: duckdb.DuckDBPyConnection, records: Iterable[JsonRecord], unit: str) -> None:
    con.execute(f"create or replace temp table {_OBJECTS} (line bigint, problem varchar, remedy varchar, raw varchar)")
    schema = numbered_schema("line", "problem", "remedy", "raw")
    insert(con, map(_judged, records), schema, _OBJECTS)
    remedy = "Write one JSON object per line." if unit == "line" else "Make each record of the array a JSON object."
    con.execute(
        f"""
        update {_OBJECTS} set problem = 'not a JSON object', remedy = {literal(remedy)}
        where problem is null and not (json_valid(raw) and coalesce(json_type(try_cast(raw as json)), '') = 'OBJECT')
        """
    )


def _judged(record: JsonRecord) -> tuple[object, ...]:
    text = record.text.strip()
    if UNDECODABLE in text and not record.problem:
        remedy = "Set read.encoding to the encoding of the file."
        return (record.number, "bytes that are not of the file's encoding", remedy, writable(text))
    return (record.number, record.problem, record.remedy, writable(text) if record.problem else text)


def _extract(con: duckdb.DuckDBPyConnection, source: SourceConfig, unit: str) -> FileRows:
    """Fill `source_rows` with the mapped values of the objects."""
    paths = _paths(con, source)
    rows = named_columns(paths)
    rows.named = dict(zip(paths, rows.columns, strict=True))
    rows.ambiguous = set()
    rows.sparse = True
    create_source_rows(con, rows.columns)
    extracted = "".join(f", {_value(path)}" for path in paths)
    con.execute(
        f"insert into {SOURCE_ROWS} select line, null, null, raw{extracted} from {_OBJECTS} where problem is null"
    )
    nothing = ", null" * len(paths)
    con.execute(
        f"insert into {SOURCE_ROWS} select line, problem, remedy, json_object('line', raw)::varchar{nothing} "
        f"from {_OBJECTS} where problem is not null"
    )
    _require_keys(con, source, rows, unit)
    rows.problem = _misspelt(con, source, rows, unit)
    con.execute(f"drop table {_OBJECTS}")
    return rows


def _require_keys(con: duckdb.DuckDBPyConnection, source: SourceConfig, rows: FileRows, unit: str) -> None:
    """Stop at a file of which no object has the key of a required column."""
    required = {f"columns.{column.name}" for column in contracts()[source.channel].columns if column.required}
    for key, names in source.asked:
        if key.startswith("columns.") and key not in required:
            continue
        filled_in = ", ".join(quoted(rows.named[name]) for name in names)
        query = f"select count(*), count(coalesce({filled_in}, null)) from {SOURCE_ROWS}"
        count, filled = con.execute(query).fetchall()[0]
        if count and not filled:
            keys = _keys(con, 50)
            use = f"mapped to {key.removeprefix('columns.')}" if key.startswith("columns.") else key
            near = closest(names, keys, 0.5)
            hint = f" Did you mean '{near}'?" if near else ""
            there = f"The {unit}s have: {', '.join(keys)}." if keys else f"No {unit} is a JSON object."
            problem = f"No {unit} of the file has the key {named(names)} ({use}). {there}{hint}"
            remedy = missing_column_remedy(key, source)
            if (
                unit == "record"
                and count == 1
                and (arrays := _keys(con, 5, "json_type(raw, '$.\"' || key || '\"') = 'ARRAY'"))
            ):
                remedy = f"Set read.records to the array that holds the records: {' or '.join(arrays)}."
            raise Refused(problem, remedy, count)


def _misspelt(con: duckdb.DuckDBPyConnection, source: SourceConfig, rows: FileRows, unit: str) -> str | None:
    """Name a key that no object has where another one is called much like it, and nothing takes that.

    Writers of JSON leave out what is empty, so that a key which is nowhere may be right.
    """
    keys = _keys(con, 1_000)
    named_keys = {*source.names_read, *(name for sql in source.expressions.values() for name in columns_read(sql))}
    free = [key for key in keys if not any(name == key or name.startswith(f"{key}.") for name in named_keys)]
    for _, names in source.asked:
        filled_in = ", ".join(quoted(rows.named[name]) for name in names)
        (filled,) = con.execute(f"select count(coalesce({filled_in}, null)) from {SOURCE_ROWS}").fetchall()[0]
        near = None if filled or any(name in keys for name in names) else closest(names, free, 0.8)
        if near:
            return f"No {unit} of it has the key {named(names)}. '{near}' is read by nothing: correct the mapping."
    return None


def _keys(con: duckdb.DuckDBPyConnection, most: int, condition: str = "true") -> list[str]:
    """Return the top-level keys of the objects."""
    query = f"""
        select distinct key from (select raw, unnest(json_keys(raw)) as key from {_OBJECTS} where problem is null)
        where {condition} order by 1 limit {most}
        """
    return [key for (key,) in con.execute(query).fetchall()]


def _paths(con: duckdb.DuckDBPyConnection, source: SourceConfig) -> list[str]:
    """Return the columns to extract: all mapped paths, and each top-level key where SQL may ask for it."""
    wanted = [*source.names_read]
    if source.expressions:
        wanted += _keys(con, 1000)
    return list(dict.fromkeys(wanted))


def _value(path: str) -> str:
    """Return SQL for the value at a path: that of the key itself, or of the nested keys that it names."""

    def step(key: str) -> str:
        return "/" + key.replace("~", "~0").replace("/", "~1")

    whole = f"raw ->> {literal(step(path))}"
    if "." not in path:
        return whole
    return f"coalesce({whole}, raw ->> {literal(''.join(map(step, path.split('.'))))})"
