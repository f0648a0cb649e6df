"""What is wrong with a file, where, and the line of pipeline.yml or the change in the export that mends it."""

import codecs
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import yaml

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.config.contract import Column, contracts
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.expressions import columns_read
from crm_pipeline.config.preset import LINE
from crm_pipeline.config.reading import ReadOptions
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.csv_rows import records
from crm_pipeline.raw.guessing.columns import Table
from crm_pipeline.raw.guessing.encoding import find_encoding, sample_of
from crm_pipeline.raw.guessing.head import first_bytes
from crm_pipeline.raw.guessing.layout import guess_read
from crm_pipeline.raw.guessing.table import read_table
from crm_pipeline.raw.guessing.trial import unreadable
from crm_pipeline.raw.guessing.values import (
    Guess,
    currency_marks,
    guess_moments,
    guess_numbers,
    have_lost_zeros,
    is_shortened,
)
from crm_pipeline.raw.header import closest, is_surely_header, looks_like_data, missing_column_remedy, named
from crm_pipeline.raw.levels import Level
from crm_pipeline.raw.numbers import currency_signs
from crm_pipeline.raw.readers import file_format
from crm_pipeline.raw.source_rows import FileRows
from crm_pipeline.raw.textfile import Refused, encodes_files, plain_suffix, usual_delimiter
from crm_pipeline.storage.sql import literal, quoted

_NULLS = frozenset({"null", "(null)", "n/a", "#n/a", "na", "none", "nan", "nil", "-", "--", "?", "\\n", "."})
_WIDE = ("utf-16", "utf-32")
_NUMERIC = ("integer", "number")
_MOMENTS = ("date", "timestamp")
_OTHER_CURRENCY = "is in another currency"


@dataclass(frozen=True)
class Complaint:
    """Something wrong in a file: where it is first found, in how many rows, and what to do about it.

    `level` is what it does to a run (`crm_pipeline/raw/levels.py`), `values` are those that it is about, with their
    rows; personal ones are not among them.
    """

    file: str
    line: int | None
    column: str | None
    problem: str
    remedy: str
    times: int = 1
    level: Level = Level.LOOK
    values: tuple[tuple[str, int], ...] = ()


def read_complaints(path: Path, name: str, source: SourceConfig) -> list[Complaint]:
    """Compare how a file is read with how it looks: delimiter, encoding, line of the header.

    Raises:
        OSError: if the file cannot be opened.
    """
    if not encodes_files(source.read.encoding):
        return []
    try:
        kind = file_format(path, source)
    except Refused:
        return []
    guess = guess_read(path)
    if kind != "csv" or guess.get("format"):
        return []
    found = [_wrong_encoding(path, source), _wrong_table(path, guess, source)]
    line = source.read.header_row
    return [
        Complaint(
            name, line, None, problem, f"Write `{_yaml('read', _read(source) | options)}` in the source {source.name}."
        )
        for problem, options in filter(None, found)
    ]


def first_rows(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig, work: Path) -> Table | None:
    """Return the first rows of a file, read as its source says; None where they cannot be read."""
    try:
        return None if path.is_dir() else read_table(con, path, _read(source), work)[0]
    except Refused:
        return None


def header_complaints(table: Table | None, name: str, dataset: Dataset, source: SourceConfig) -> list[Complaint]:
    """Name every mapped column that a refused file lacks; nothing where the file cannot be read at all."""
    if table is None:
        return []
    names = list(table.columns)
    missing = {
        key: origins
        for key, origins in source.asked
        if not any(origin in names for origin in origins) or any(origin in table.repeated for origin in origins)
    }
    line = source.read.header_row
    if not missing or table.optional:
        return []
    other = next((other for other in dataset.sources if other is not source and _fits(other, names)), None)
    if other:
        problem = f"The columns are those of the source {other.name}, not those of {source.name}."
        return [Complaint(name, line, None, problem, f"Correct `files` of the source {source.name}.")]
    if looks_like_data(names) or (_has_header_line(name, source) and not is_surely_header(FileRows(names), source)):
        problem = "This line is no header: it holds values."
        return [Complaint(name, line, None, problem, "Export the file with a header line.", 1)]
    return [_missing(name, line, key, origins, table, source) for key, origins in missing.items()]


def keys_of_no_file(source: SourceConfig, keys: set[str], empty: set[str]) -> list[Complaint]:
    """Name what the mapping asks for and no record of any file has: it may be misspelt, and is empty in each row.

    Args:
        source: of JSON files.
        keys: the keys that were seen, those of nested objects by their paths.
        empty: contract columns without any value.
    """
    known, asked = {key.casefold() for key in keys}, [*source.asked]
    for name, mapping in source.columns.items():
        if mapping.sql is not None:
            read = [key for key in columns_read(mapping.sql) if key not in (LINE, *source.may_lack, *source.joined)]
            asked += [(f"columns.{name}", (key,)) for key in read]
    found = []
    for place, names in asked:
        column = place.removeprefix("columns.")
        is_sql = column in source.columns and source.columns[column].sql is not None
        there = any(name.casefold() in known if is_sql else name in keys for name in names)
        if there or (column in source.columns and column not in empty):
            continue
        near = closest(names, sorted(keys), 0.6)
        hint = f"Did you mean '{near}'? " if near else ""
        optional = f'optional: ["{names[0]}"]' if is_sql else "optional: true"
        remedy = f"{hint}Correct {place} of the source {source.name}, or write `{optional}` there if that is right."
        found.append(Complaint(source.files, None, column, f"No file has the key {named(names)}.", remedy))
    return found


def _has_header_line(name: str, source: SourceConfig) -> bool:
    """Tell whether a file's names are a line of it like any other, not a part of its format."""
    return (source.read.format or plain_suffix(Path(name))) not in ("parquet", ".parquet", ".pq")


def value_complaints(
    rows: list[dict[str, Any]], table: Table | None, name: str, source: SourceConfig, currency: str = ""
) -> list[Complaint]:
    """Gather quarantined values by column and kind, each with the mapping that would read them.

    Args:
        rows: the quarantine of the file.
        table: its first rows, where they can be read.
        name: the file.
        source: how the file is mapped.
        currency: the business currency.
    """
    kinds: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        kinds[row["column"], row["problem"].split(":")[0], row["remedy"]].append(row)
    repeated = {row["line"] for row in rows if _is_header(row["row"])}
    found = [
        Complaint(name, line, None, "The line repeats the header.", "Remove it from the file.", level=Level.QUARANTINE)
        for line in sorted(repeated)
    ]
    for (column, _, remedy), alike in kinds.items():
        alike = [row for row in alike if row["line"] not in repeated]
        if alike:
            advice = _value_advice(column, alike, table, source, currency) if column else None
            problem, shown = alike[0]["problem"].partition(": ")[0], _shown_values(alike)
            place = (name, alike[0]["line"], column)
            found.append(Complaint(*place, problem, advice or remedy, len(alike), Level.QUARANTINE, shown))
    return found


def _shown_values(rows: list[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
    """Count the values that the problems of some rows name; personal ones are not named there."""
    named = (row["problem"].partition(": ")[2] for row in rows)
    return tuple(Counter(value[1:-1] for value in named if value.startswith("'")).most_common())


def silent_faults(batch: Path, name: str, source: SourceConfig) -> tuple[list[Complaint], list[str]]:
    """Look for what loads and is wrong all the same: shortened ids; and for what may be, as notes."""
    faults, notes = [], []
    contract = contracts()[source.channel]
    columns = {
        column: named(origins)
        for column, origins in _origins(source).items()
        if contract.column(column).logical_type == "string"
    }
    rows = pq.read_table(batch, columns=["_line", *columns]).to_pylist()
    for column, origin in columns.items():
        shortened = [row["_line"] for row in rows if row[column] and is_shortened(row[column])]
        if shortened:
            problem = "a spreadsheet program has rounded the number: its last digits are lost"
            remedy = f"Export {origin} as text, and do not save the file from a spreadsheet program."
            faults.append(Complaint(name, shortened[0], column, problem, remedy, len(shortened)))
        texts = [row[column] for row in rows if row[column]]
        if column in ("postal_code", "loyalty_id") and have_lost_zeros(texts):
            notes.append(f"{name}, {column}: some codes are shorter than the others; leading zeros may be lost.")
    return faults, notes


def _fits(source: SourceConfig, names: list[str]) -> bool:
    return bool(source.asked) and all(any(origin in names for origin in origins) for _, origins in source.asked)


def _wrong_encoding(path: Path, source: SourceConfig) -> tuple[str, dict[str, Any]] | None:
    """Say what a file looks to be in where it holds bytes that the encoding of its source cannot mean."""
    sample, told = sample_of(path), source.read.encoding
    found = find_encoding(sample)
    wide = found.name.startswith(_WIDE) and not codecs.lookup(told).name.startswith(_WIDE)
    # Letters that happen to be well-formed UTF-8 are UTF-8.
    well_formed = found.name == "utf-8" and not sample.isascii() and not _unreadable(sample, "utf-8")
    if well_formed and codecs.lookup(told).name != "utf-8":
        return f"The file is not in {told}; it looks like utf-8.", {"encoding": "utf-8"}
    if not wide and _unreadable(sample, found.name) >= _unreadable(sample, told):
        return None
    others = f" (or {', '.join(found.others)}; look at the letters)" if found.others else ""
    return f"The file is not in {told}; it looks like {found.name}{others}.", {"encoding": found.name}


def _unreadable(sample: bytes, encoding: str) -> int:
    """Count what an encoding cannot mean; the sample may end within a character."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return decoder.decode(sample).count("\ufffd")


def _wrong_table(path: Path, guess: dict[str, str | int], source: SourceConfig) -> tuple[str, dict[str, Any]] | None:
    usual = usual_delimiter(path)
    told, looks = source.read.delimiter or usual, guess.get("delimiter", usual)
    if _has_columns(path, told, source):
        return None
    if looks != told and ("delimiter" in guess or told != usual):
        shown = {"\t": "tabs"}
        problem = (
            f"The columns are divided by {shown.get(str(looks), repr(looks))}, not by {shown.get(told, repr(told))}."
        )
        return problem, {"delimiter": looks}
    row = int(guess.get("header_row", 1))
    if row != source.read.header_row:
        return f"The header looks to be in line {row}.", {"header_row": row}
    return None


def _has_columns(path: Path, delimiter: str, source: SourceConfig) -> bool:
    """Tell whether the header, read as the source says, has the mapped columns."""
    start = first_bytes(path, 1 << 16).decode(source.read.encoding, errors="replace").removeprefix("\ufeff")
    lines = islice(enumerate(start.splitlines(keepends=True), start=1), source.read.header_row - 1, None)
    header = next(records(lines, delimiter, source.read.quote, None), None)
    names = {field.strip() for field in header.fields} if header else set()
    return all(any(origin in names for origin in origins) for _, origins in source.asked)


def _missing(name: str, line: int, key: str, origins: tuple[str, ...], table: Table, source: SourceConfig) -> Complaint:
    """Complain about a column that is asked for and not there, or twice."""
    names, column = list(table.columns), key.removeprefix("columns.")
    repeated = next((origin for origin in origins if origin in table.repeated), None)
    if repeated:
        problem = f"The column '{repeated}' is there more than once."
        return Complaint(name, line, column, problem, "Give each column its own name in the export.")
    near = closest(origins, names, 0.6)
    problem = f"The file has no column {named(origins)}. It has: {', '.join(names)}."
    remedy = missing_column_remedy(key, source)
    if near and column in source.columns:
        known = list(origins) if len(origins) > 1 else []
        mapping = _mapping(source.columns[column]) | {"from": [*known, near] if known else near}
        remedy = f"Write `{_yaml(column, mapping)}` in the source {source.name}, or deliver the file with it."
    return Complaint(name, line, column, problem, remedy)


def _value_advice(
    column: str, rows: list[dict[str, Any]], table: Table | None, source: SourceConfig, currency: str
) -> str | None:
    """Return the mapping that would read a column; None where the present one is right for most of its values.

    Nothing is proposed that was not tried on the values, and reads more of them than the present mapping.
    """
    mapping = source.columns[column]
    origin = _origin(mapping, table)
    misfits = [_value(row["row"], origin) or "" for row in rows]
    nulls = sorted({text for text in misfits if text.casefold() in _NULLS})
    if nulls and set(nulls) == set(misfits):
        read = source.read.model_copy(update={"null_values": (*source.read.null_values, *nulls)})
        if origin and _refused(misfits, mapping, column, source, read):
            return None
        return (
            f"Write `{_yaml('read', read.model_dump(mode='json', exclude_defaults=True))}` in the source {source.name}."
        )
    if rows[0]["problem"].startswith(_OTHER_CURRENCY):
        return _currency_advice(misfits, column, table, source, currency)
    if origin is None or table is None or mapping.values is not None or len(mapping.origins) > 1:
        return None
    texts = [*table.columns.get(origin, []), *misfits]
    guess = _guess(contracts()[source.channel].column(column), texts)
    better = guess.mapping(origin) if guess else _mapping(mapping)
    if better == _mapping(mapping):
        return f"Correct the values: {guess.doubt}." if guess and guess.doubt else None
    proposed = ColumnMapping.model_validate(better)
    if _refused(texts, proposed, column, source) >= _refused(texts, mapping, column, source):
        return None
    doubt = f" But {guess.doubt}." if guess and guess.doubt else ""
    return f"Write `{_yaml(column, better)}` in the source {source.name}.{doubt}"


def _refused(
    texts: list[str], mapping: ColumnMapping, column: str, source: SourceConfig, read: ReadOptions | None = None
) -> int:
    """Return how many values of a column of the file a run would refuse under a mapping."""
    origin = next(iter(source.columns[column].origins), "value")
    return unreadable(texts, contracts()[source.channel].column(column), mapping, origin, read or source.read)


def _currency_advice(
    misfits: list[str], column: str, table: Table | None, source: SourceConfig, currency: str
) -> str | None:
    """Return the mapping of the currency that the amounts name, where the channel has such a column."""
    origin = _origin(source.columns[column], table)
    if origin is None or table is None or "currency" not in contracts()[source.channel].column_names:
        return None
    if "currency" in source.columns:
        return "Correct the currency of the rows, or of the amounts: they contradict each other."
    texts = table.columns.get(origin, [])
    codes = {sign: currency_signs()[sign][0] for sign in sorted(currency_marks(misfits))}
    if len(codes) == 1 and currency_marks(texts).total() == len(texts) <= len(misfits):
        written: dict[str, str] = {"value": next(iter(codes.values()))}
    else:
        whens = " ".join(
            f"when contains({quoted(origin)}, {literal(sign)}) then {literal(code)}" for sign, code in codes.items()
        )
        written = {"sql": f"case {whens} else {literal(currency)} end"}
    return (
        f"Write `{_yaml('currency', written)}` in the source {source.name}, or set business.currency (now {currency})"
        " to that of the amounts."
    )


def _guess(column: Column, texts: list[str]) -> Guess | None:
    if column.logical_type in _MOMENTS:
        return guess_moments(texts)
    return guess_numbers(texts, column) if column.logical_type in _NUMERIC else None


def _is_header(row: str | None) -> bool:
    values = json.loads(row) if row else None
    return isinstance(values, dict) and all(
        text is not None and str(text).strip() == name for name, text in values.items()
    )


def _value(row: str | None, origin: str | None) -> str | None:
    value: Any = json.loads(row) if row else {}
    if origin is None or not isinstance(value, dict):
        return None
    for key in [origin] if origin in value else origin.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None else str(value).strip()


def _origins(source: SourceConfig) -> dict[str, tuple[str, ...]]:
    return {name: mapping.origins for name, mapping in source.columns.items() if mapping.origins}


def _origin(mapping: ColumnMapping, table: Table | None) -> str | None:
    """Return the column of a file that a mapping reads: the first of its names that the file has."""
    there = (name for name in mapping.origins if table is None or name in table.columns)
    return next(there, next(iter(mapping.origins), None))


def _read(source: SourceConfig) -> dict[str, Any]:
    return source.read.model_dump(mode="json", exclude_defaults=True)


def _mapping(mapping: ColumnMapping) -> dict[str, Any]:
    return mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _yaml(key: str, value: dict[str, Any]) -> str:
    """Return a line of pipeline.yml."""
    short = value["from"] if set(value) == {"from"} and isinstance(value["from"], str) else value
    flow = yaml.safe_dump({key: short}, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    return flow.strip().removeprefix("{").removesuffix("}")
