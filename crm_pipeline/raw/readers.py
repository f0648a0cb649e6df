"""Reads one delivered file into the DuckDB table `source_rows`: all columns as text, each row with its line number.

Rows that cannot be parsed are in the table too, with their problem and without values.
"""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from crm_pipeline.dataset import SourceConfig
from crm_pipeline.raw.contract import contracts
from crm_pipeline.raw.csv_rows import Record, records
from crm_pipeline.raw.textfile import (
    UNDECODABLE,
    Refused,
    Scan,
    numbered_lines,
    refuse_unusable,
    scan,
    transcode,
)

SOURCE_ROWS = "source_rows"
LINE, PROBLEM, REMEDY, RAW = "__line", "__problem", "__remedy", "__raw"
_OWN = f'"{LINE}" bigint, "{PROBLEM}" varchar, "{REMEDY}" varchar, "{RAW}" varchar'
_BATCH_ROWS = 20_000
_BATCH_CHARACTERS = 8_000_000
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
_SUFFIXES |= {".parquet": "parquet", ".pq": "parquet"}


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


def file_format(path: Path, source: SourceConfig) -> str:
    """Return csv, jsonl or parquet, as the source says or the suffix tells.

    Raises:
        Refused: if neither tells.
    """
    if source.read.format:
        return source.read.format
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if (suffix := plain.suffix.lower()) not in _SUFFIXES:
        problem = f"The suffix of the file ('{suffix}') does not tell its format."
        raise Refused(problem, "Set read.format to csv, jsonl or parquet for this source in pipeline.yml.")
    return _SUFFIXES[suffix]


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
        return _read_parquet(con, path)
    found = scan(path)
    refuse_unusable(found, source.read.encoding)
    rows = _read_csv(con, path, source, found, work) if kind == "csv" else _read_jsonl(con, path, source, found)
    if found.damage:
        rows.problem = f"The file is incomplete: {found.damage}. Deliver it again, whole."
    return rows


def require_columns(rows: FileRows, source: SourceConfig, count: int, looks_like_data: bool = False) -> None:
    """Stop at a file that lacks a mapped column.

    Raises:
        Refused: names the column, the columns that are there, and the closest match.
    """
    for name, mapping in source.columns.items():
        wanted = mapping.from_
        if wanted is None or (wanted in rows.columns and wanted not in rows.ambiguous):
            continue
        if wanted in rows.ambiguous:
            problem = f"The file has the column '{wanted}' (mapped to {name}) more than once."
            raise Refused(problem, "Give each column its own name in the export.", count)
        if looks_like_data:
            problem = f"The first line is no header: the column '{wanted}' (mapped to {name}) is missing."
            raise Refused(problem, "Export the file with a header line.", count)
        close = difflib.get_close_matches(wanted, rows.columns, n=1, cutoff=0.5)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        problem = f"The file has no column '{wanted}' (mapped to {name}). It has: {', '.join(rows.columns)}.{hint}"
        remedy = f"Correct columns.{name} of the source {source.name} in pipeline.yml, or deliver the file with it."
        if len(rows.columns) == 1 and re.search("[;\t|]", rows.columns[0]):
            remedy = "Set read.delimiter of this source in pipeline.yml: the header looks split by another character."
        raise Refused(problem, remedy, count)


# --- CSV


def _read_csv(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, found: Scan, work: Path) -> FileRows:
    options = source.read
    plain = path.name.lower().removesuffix(".gz")
    delimiter = options.delimiter or ("\t" if plain.endswith(".tsv") else ",")
    with numbered_lines(path, options.encoding) as (lines, _):
        header = next(records(lines, delimiter, options.quote, None), None)
        after_header = next(lines, (0, ""))[0]
    if header is None or header.problem:
        why = header.problem if header else "it is blank"
        raise Refused(f"The header line cannot be read: {why}.", "Deliver the file with a header line.", found.lines)
    rows = _name_columns(header.fields)
    require_columns(rows, source, found.lines - header.line, _looks_like_data(header.fields))
    one_line_header = header.line == 1 and after_header in (0, 2)
    clean = found.damage is None and found.plain and one_line_header
    if not (clean and _read_csv_at_once(con, path, source, delimiter, rows.columns, found, work)):
        _read_csv_carefully(con, path, source, delimiter, rows.columns)
    return rows


def _name_columns(header: list[str]) -> FileRows:
    columns: list[str] = []
    ambiguous: set[str] = set()
    taken: dict[str, str] = {}
    for position, text in enumerate(header, start=1):
        name = text.strip() or f"column_{position}"
        if name.casefold() in taken:
            ambiguous |= {name, taken[name.casefold()]}
            name = f"{name}_{position}"
        taken[name.casefold()] = name
        columns.append(name)
    return FileRows(columns, ambiguous=ambiguous)


def _looks_like_data(header: list[str]) -> bool:
    """Tell whether a first line holds values: they may be personal data, and are not to be named."""
    return any("@" in name or re.fullmatch(r"[\d\s.,:/+-]+", name) for name in header)


def _read_csv_at_once(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    source: SourceConfig,
    delimiter: str,
    columns: list[str],
    found: Scan,
    work: Path,
) -> bool:
    """Let DuckDB parse the whole file; False if it cannot, or if the lines do not add up."""
    readable = path
    if source.read.encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "ascii", "us-ascii"):
        readable = work / "transcoded.csv"
        if not transcode(path, source.read.encoding, readable):
            return False
    with readable.open("rb") as file:
        compression = "gzip" if file.read(2) == b"\x1f\x8b" else "none"
    kinds = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    try:
        con.execute(
            f"""
            create table {SOURCE_ROWS} as
            select row_number() over () + 1 as "{LINE}", null::varchar as "{PROBLEM}", null::varchar as "{REMEDY}",
                null::varchar as "{RAW}", *
            from read_csv({literal(str(readable))}, auto_detect = false, header = false, skip = 1,
                columns = {{{kinds}}}, delim = {literal(delimiter)}, quote = {literal(source.read.quote)},
                escape = {literal(source.read.quote)}, compression = '{compression}', strict_mode = true,
                null_padding = false, max_line_size = 4000000)
            """
        )
        count = con.execute(f"select count(*) from {SOURCE_ROWS}").fetchall()[0][0]
    except duckdb.Error:
        return False
    expected = found.lines if readable == path else scan(readable).lines
    return bool(count == expected - 1)


def _read_csv_carefully(
    con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, delimiter: str, columns: list[str]
) -> None:
    _create_source_rows(con, columns)
    schema = pa.schema([(LINE, pa.int64())] + [(name, pa.string()) for name in (PROBLEM, REMEDY, RAW, *columns)])
    with numbered_lines(path, source.read.encoding) as (lines, stream):
        rows = records(lines, delimiter, source.read.quote, len(columns))
        next(rows, None)
        values = (_csv_values(record, len(columns), stream.damage) for record in rows)
        _insert(con, values, schema)


def _csv_values(record: Record, width: int, damage: str | None) -> tuple[object, ...]:
    if damage and not record.text.endswith(("\n", "\r")):
        problem, remedy = "the file breaks off in this line", "Deliver the file again, whole."
    elif record.problem is None:
        return (record.line, None, None, None, *(value or None for value in record.fields))
    else:
        problem, remedy = record.problem, record.remedy or ""
    raw = json.dumps({"line": _writable(record.text)}, ensure_ascii=False)
    return (record.line, problem, remedy, raw, *([None] * width))


# --- JSON lines


def _read_jsonl(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, found: Scan) -> FileRows:
    if found.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
        problem = "The file is one JSON array, not JSON lines."
        raise Refused(problem, "Write one JSON object per line (jq -c '.[]' does it).", found.lines)
    con.execute("create or replace temp table json_lines (line bigint, problem varchar, remedy varchar, raw varchar)")
    schema = pa.schema([("line", pa.int64())] + [(name, pa.string()) for name in ("problem", "remedy", "raw")])
    with numbered_lines(path, source.read.encoding) as (lines, _):
        _insert(con, (_json_values(*line) for line in lines if line[1].strip()), schema, "json_lines")
    con.execute(
        """
        update json_lines set problem = 'not a JSON object', remedy = 'Write one JSON object per line.'
        where problem is null and not (json_valid(raw) and coalesce(json_type(try_cast(raw as json)), '') = 'OBJECT')
        """
    )
    paths = _json_paths(con, source)
    _create_source_rows(con, list(paths))
    extracted = "".join(f", {_json_value(path)}" for path in paths.values())
    con.execute(
        f"insert into {SOURCE_ROWS} select line, null, null, raw{extracted} from json_lines where problem is null"
    )
    nothing = ", null" * len(paths)
    con.execute(
        f"insert into {SOURCE_ROWS} select line, problem, remedy, json_object('line', raw)::varchar{nothing} "
        "from json_lines where problem is not null"
    )
    _require_keys(con, source)
    con.execute("drop table json_lines")
    return FileRows(list(paths))


def _require_keys(con: duckdb.DuckDBPyConnection, source: SourceConfig) -> None:
    """Stop at a file of which no line has the key of a required column."""
    for column in contracts()[source.channel].columns:
        key = source.columns[column.name].from_ if column.required else None
        if key is None:
            continue
        lines, filled = con.execute(f"select count(*), count({quoted(key)}) from {SOURCE_ROWS}").fetchall()[0]
        if lines and not filled:
            query = "select distinct unnest(json_keys(raw)) from json_lines where problem is null order by 1 limit 50"
            keys = [row[0] for row in con.execute(query).fetchall()]
            close = difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            there = f"The lines have: {', '.join(keys)}." if keys else "No line is a JSON object."
            problem = f"No line of the file has the key '{key}' (mapped to {column.name}). {there}{hint}"
            remedy = f"Correct columns.{column.name} of the source {source.name} in pipeline.yml."
            raise Refused(problem, remedy, lines)


def _json_values(number: int, text: str) -> tuple[object, ...]:
    text = text.strip()
    if UNDECODABLE in text:
        remedy = "Set read.encoding to the encoding of the file."
        return (number, "bytes that are not of the file's encoding", remedy, _writable(text))
    return (number, None, None, text)


def _json_paths(con: duckdb.DuckDBPyConnection, source: SourceConfig) -> dict[str, str]:
    """Return the columns to extract: all mapped paths, and each top-level key where SQL may ask for it."""
    wanted = [mapping.from_ for mapping in source.columns.values() if mapping.from_]
    if any(mapping.sql for mapping in source.columns.values()):
        keys = con.execute(
            "select distinct unnest(json_keys(raw)) as key from json_lines where problem is null order by 1 limit 1000"
        ).fetchall()
        wanted += [key for (key,) in keys]
    paths: dict[str, str] = {}
    for path in wanted:
        if path.casefold() not in {known.casefold() for known in paths}:
            paths[path] = path
    return paths


def _json_value(path: str) -> str:
    def step(key: str) -> str:
        return '."' + key.replace('"', '\\"') + '"'

    whole = f"raw ->> {literal('$' + step(path))}"
    if "." not in path:
        return whole
    return f"coalesce({whole}, raw ->> {literal('$' + ''.join(step(key) for key in path.split('.')))})"


# --- Parquet


def _read_parquet(con: duckdb.DuckDBPyConnection, path: Path) -> FileRows:
    origin = f"read_parquet({literal(str(path))}, hive_partitioning = false"
    try:
        described = con.execute(f"describe select * from {origin})").fetchall()
        columns = [row[0] for row in described]
        casts = "".join(f", {quoted(name)}::varchar as {quoted(name)}" for name in columns)
        con.execute(
            f"""
            create table {SOURCE_ROWS} as
            select file_row_number + 1 as "{LINE}", null::varchar as "{PROBLEM}", null::varchar as "{REMEDY}",
                null::varchar as "{RAW}"{casts}
            from {origin}, file_row_number = true)
            """
        )
    except duckdb.Error as error:
        problem = f"The file cannot be read as Parquet ({type(error).__name__})."
        raise Refused(problem, "Deliver the file again, or set read.format to what it is.") from None
    return FileRows(columns)


# --- shared


def _create_source_rows(con: duckdb.DuckDBPyConnection, columns: list[str]) -> None:
    kinds = "".join(f", {quoted(name)} varchar" for name in columns)
    con.execute(f"create or replace table {SOURCE_ROWS} ({_OWN}{kinds})")


def _insert(
    con: duckdb.DuckDBPyConnection, rows: Iterator[tuple[object, ...]], schema: pa.Schema, table: str = SOURCE_ROWS
) -> None:
    """Stream rows into a table, one bounded Arrow batch at a time."""
    reader = pa.RecordBatchReader.from_batches(schema, _batches(rows, schema))
    con.register("incoming_rows", reader)
    try:
        con.execute(f"insert into {table} select * from incoming_rows")
    finally:
        con.unregister("incoming_rows")


def _batches(rows: Iterator[tuple[object, ...]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
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


def _writable(text: str) -> str:
    return text.rstrip("\r\n").replace(UNDECODABLE, "\ufffd").replace("\0", "\ufffd")[:10_000]
