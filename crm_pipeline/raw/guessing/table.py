"""The first rows of a file of any format as a table of texts, read as a run reads them."""

import json
from pathlib import Path
from typing import Any

import duckdb

from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.guessing.columns import Table
from crm_pipeline.raw.guessing.head import HEAD_ROWS, head_of
from crm_pipeline.raw.readers import file_format, read_file
from crm_pipeline.raw.source_rows import PROBLEM, SOURCE_ROWS
from crm_pipeline.storage.sql import quoted

# Maps nothing, and makes the readers take every column.
_PROBE: dict[str, Any] = {"name": "probe", "channel": "products", "columns": {"product_id": {"sql": "null"}}}


def probe(options: dict[str, str | int]) -> SourceConfig:
    """Return a source that maps no column of its files, for reading them with these options."""
    return SourceConfig.model_validate(_PROBE | {"files": "*", "read": options})


def read_table(
    con: duckdb.DuckDBPyConnection, path: Path, options: dict[str, str | int], work: Path
) -> tuple[Table, dict[str, str | int]]:
    """Return a file's first rows, and the options completed by where its JSON records are.

    Raises:
        Refused: if no row of the file can be used.
    """
    source = probe(options)
    kind = file_format(path, source)
    head = head_of(path, kind, source.read.encoding, source.read.quote, work)
    rows = read_file(con, head, source, work)
    repeated = frozenset(rows.ambiguous)
    names = ", ".join(quoted(name) for name in rows.columns)
    query = f'select {names} from {SOURCE_ROWS} where "{PROBLEM}" is null limit {HEAD_ROWS}'
    values = con.execute(query).fetchall() if names else []
    # As the file spells them, also where SQL cannot tell two of them apart.
    spelt = [{column: name for name, column in rows.named.items()}.get(column, column) for column in rows.columns]
    if not values:
        return Table({name: [] for name in spelt}, repeated=repeated), options
    columns = dict(zip(spelt, map(_filled, zip(*values, strict=True)), strict=True))
    if kind not in ("json", "jsonl"):
        return Table(columns, repeated=repeated), options
    records = next((name for name, texts in columns.items() if _is_array(texts)), None)
    if kind == "json" and len(values) == 1 and records and "records" not in options:
        return read_table(con, path, options | {"format": "json", "records": records}, work)
    return Table(_flattened(columns), optional=True), options


def _filled(texts: tuple[str | None, ...]) -> list[str]:
    return [text.strip() for text in texts if text and text.strip()]


def _is_array(texts: list[str]) -> bool:
    return bool(texts) and texts[0].startswith("[{")


def _flattened(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Give each key of nested objects a column of its own, named by its path."""
    flat: dict[str, list[str]] = {}
    for name, texts in columns.items():
        if not texts or not all(text.startswith("{") for text in texts):
            flat[name] = texts
            continue
        inner: dict[str, list[str]] = {}
        for text in texts:
            for key, value in json.loads(text).items():
                inner.setdefault(f"{name}.{key}", []).extend(_text(value))
        flat |= _flattened(inner)
    return flat


def _text(value: object) -> list[str]:
    if value is None or value == "":
        return []
    return [value if isinstance(value, str) else json.dumps(value)]
