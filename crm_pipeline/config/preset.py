"""Ready-made mappings for the exports of well-known systems: a source names one and writes only what differs."""

import difflib
import functools
import re
from pathlib import Path
from typing import Any

import yaml

#: The column of a row's line in its file. It begins with a blank, as the name of no file's column does.
LINE = " line"
PRESETS_FOLDER = Path(__file__).parent / "presets"
#: Keys of a source whose text is a SQL expression, at whatever depth.
EXPRESSION_KEYS = ("sql", "where", "deleted_when")
_QUOTED_NAME = re.compile(r'"([^"]+)"')


@functools.cache
def presets() -> dict[str, dict[str, Any]]:
    """Return all presets by name: what each says of a source, in the form of pipeline.yml."""
    files = sorted(PRESETS_FOLDER.glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


@functools.cache
def preset_expressions() -> frozenset[str]:
    """Return the SQL expressions of all presets, with single spaces: they come with the project and are trusted."""
    waiting: list[Any] = list(presets().values())
    found = set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            found |= {" ".join(item[key].split()) for key in EXPRESSION_KEYS if isinstance(item.get(key), str)}
            waiting.extend(item.values())
    return frozenset(found)


def with_preset(source: dict[str, Any]) -> dict[str, Any]:
    """Return a source of pipeline.yml with what its preset says; the source's own keys win.

    `read` is merged option by option and `columns` column by column; a column that the source maps to nothing is left
    out. A source without a preset is returned as it is.

    Raises:
        ValueError: if there is no preset of that name.
    """
    name = source.get("preset")
    if name is None:
        return source
    if not isinstance(name, str):
        raise ValueError(f"preset: one name is expected. There are: {', '.join(presets())}")  # noqa: TRY004
    if name not in presets():
        close = difflib.get_close_matches(str(name), presets(), n=1, cutoff=0.6)
        hint = f"Did you mean '{close[0]}'? " if close else ""
        raise ValueError(f"preset: unknown preset '{name}'. {hint}There are: {', '.join(presets())}")
    preset = presets()[name]
    merged = preset | source
    for key in ("read", "columns"):
        own = source.get(key, {})
        if isinstance(own, dict) and key in preset:
            merged[key] = preset[key] | own
    if isinstance(merged["columns"], dict):
        merged["columns"] = {column: origin for column, origin in merged["columns"].items() if origin is not None}
    return merged


def source_columns(name: str) -> dict[str, set[str]]:
    """Return for each contract column that a preset maps the columns of the export that it needs.

    One that may come from several needs none of them.
    """
    needed: dict[str, set[str]] = {}
    for column, mapping in presets()[name]["columns"].items():
        origin: dict[str, Any] = {"from": mapping} if isinstance(mapping, str | list) else mapping
        optional: Any = origin.get("optional", [])
        if optional is True:
            continue
        if isinstance(origin.get("from"), list):
            needed[column] = set()
            continue
        names = {origin["from"]} if "from" in origin else set(_QUOTED_NAME.findall(origin.get("sql", "")))
        needed[column] = names - {LINE, *optional}
    return needed
