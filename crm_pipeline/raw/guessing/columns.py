"""Which channel a table feeds and which of its columns are meant: told by names first, then by whether values fit."""

import functools
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from crm_pipeline.config.contract import Column, Contract, contracts
from crm_pipeline.config.preset import presets, source_columns
from crm_pipeline.config.values import FALSE_WORDS, TRUE_WORDS
from crm_pipeline.raw.guessing.values import ENOUGH, guess_moments, guess_numbers
from crm_pipeline.storage.sql import literal, quoted

_LEVELS = re.compile(r"department|division|(product|item|sub|main)?(category|group|type|class)|category\d|level\d")


@dataclass(frozen=True)
class Table:
    """The first rows of a file: for each source column its filled values as text."""

    columns: dict[str, list[str]]
    #: Columns that may be missing in a file of the same layout, as keys of JSON objects may.
    optional: bool = False
    #: Names that the file gives to several columns.
    repeated: frozenset[str] = frozenset()


@dataclass
class Match:
    """A channel that a table may feed: mappings by contract column, why they are guessed, and what is doubtful."""

    channel: str
    mappings: dict[str, dict[str, str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    score: float = 0

    @property
    def is_complete(self) -> bool:
        """Tell whether every required column was found, and something beside the keys."""
        contract = contracts()[self.channel]
        beside = set(self.mappings) - {name for name in contract.column_names if name.endswith("_id")}
        return not self.missing and bool(beside)


@functools.cache
def value_names() -> dict[str, dict[str, list[str]]]:
    """Return for `channel.column` the names that exports give each allowed value."""
    return _yaml("value_names.yaml")


def fitting_presets(table: Table) -> list[str]:
    """Return the presets of one vendor whose export has this layout; none where no preset fits."""
    fitting = {name: len(source_columns(name)) for name in presets() if _has_layout(table, name)}
    if not fitting:
        return []
    vendor = max(fitting, key=lambda name: fitting[name]).split("_")[0]
    return [name for name in fitting if name.split("_")[0] == vendor]


def _has_layout(table: Table, preset: str) -> bool:
    """Tell whether a table has the columns of a preset: all of them, or most where they may be missing."""
    needed = source_columns(preset)
    names = set().union(*needed.values())
    if not table.optional:
        return names <= set(table.columns)
    required = [column.name for column in contracts()[presets()[preset]["channel"]].columns if column.required]
    tops, here = ({column.split(".")[0] for column in columns} for columns in (names, table.columns))
    keys = set().union(*(needed[name] for name in required))
    return keys <= set(table.columns) and len(tops & here) >= ENOUGH * len(tops)


def match_channel(table: Table, file_name: str) -> Match | None:
    """Return the channel that a table most likely feeds, complete or not; None where its columns tell nothing."""
    matches = [_match(table, contract, file_name) for contract in contracts().values()]
    found = [match for match in matches if match.score > 0]
    return max(found, key=lambda match: (match.is_complete, match.score), default=None)


def normalised(name: str) -> str:
    """Return a column's name without case, blanks and punctuation."""
    return "".join(re.findall(r"\w", name.casefold().replace("_", "")))


def _match(table: Table, contract: Contract, file_name: str) -> Match:
    match = Match(contract.name)
    free = _free_columns(table)
    for column in contract.columns:
        for name in (column.name, *column.also_called):
            origin = free.get(normalised(name))
            if origin is not None and _take(match, column, origin, table.columns[origin]):
                free = {known: other for known, other in free.items() if other != origin}
                break
    _conclude(match, table, file_name)
    match.missing = [
        column.name for column in contract.columns if column.required and column.name not in match.mappings
    ]
    words = re.split(r"[^\w]|_|\d", file_name.casefold())
    speaks = any(word.startswith(hint) for word in words for hint in contract.flow.file_names)
    match.score = _told_by_columns(match) - 3 * len(match.missing) + 1.5 * speaks if _told_by_columns(match) > 1 else 0
    return match


def _told_by_columns(match: Match) -> int:
    return sum("value" not in mapping for mapping in match.mappings.values())


def _free_columns(table: Table) -> dict[str, str]:
    """Return the columns by normalised name; a key inside a JSON object by its own name too, where that says enough."""
    inner = {normalised(name.rsplit(".", 1)[1]): name for name in table.columns if "." in name and table.optional}
    for vague in ("id", "name", "type"):
        inner.pop(vague, None)
    return inner | {normalised(name): name for name in reversed(table.columns)}


def _take(match: Match, column: Column, origin: str, texts: list[str]) -> bool:
    """Map a column where the values fit its type; note what is doubtful."""
    if column.valid_values:
        mapping = _allowed(f"{match.channel}.{column.name}", column, origin, texts)
        if mapping is None and column.required:
            match.doubts[column.name] = f"map its values to {', '.join(column.valid_values)}"
            mapping = {"from": origin}
        if mapping is not None:
            match.mappings[column.name] = mapping
        return mapping is not None
    if column.logical_type == "boolean":
        fits = sum(text.casefold() in (*TRUE_WORDS, *FALSE_WORDS) for text in texts) >= ENOUGH * len(texts)
        if fits:
            match.mappings[column.name] = {"from": origin}
        return fits
    if column.logical_type == "string" or not texts:
        match.mappings[column.name] = {"from": origin}
        return True
    moment = column.logical_type in ("date", "timestamp")
    guess = guess_moments(texts) if moment else guess_numbers(texts, column)
    if guess is None:
        return False
    match.mappings[column.name] = guess.mapping(origin)
    if guess.doubt:
        match.doubts[column.name] = guess.doubt
    return True


def _allowed(place: str, column: Column, origin: str, texts: list[str]) -> dict[str, str] | None:
    """Return a mapping of a column's values to those that its contract allows; None where too many are unknown."""
    here = Counter(text.casefold() for text in texts)
    allowed = {value.casefold() for value in column.valid_values}
    if sum(times for text, times in here.items() if text in allowed) >= ENOUGH * here.total():
        return {"from": origin}
    others = {other: value for value, names in value_names().get(place, {}).items() for other in names}
    if sum(times for text, times in here.items() if text in allowed or text in others) < ENOUGH * here.total():
        return None
    whens = " ".join(f"when {literal(text)} then {literal(others[text])}" for text in here if text in others)
    lowered = f"lower({quoted(origin)})"
    return {"sql": f"case {lowered} {whens} else {lowered} end"}


def _join_category_levels(match: Match, table: Table) -> None:
    """Make one path of several columns of categories, the broadest first."""
    levels = [name for name in table.columns if _LEVELS.fullmatch(normalised(name))]
    if len(levels) < 2:
        return
    levels.sort(key=lambda name: len(set(table.columns[name])))
    match.mappings["category_path"] = {"sql": f"concat_ws(' > ', {', '.join(map(quoted, levels))})"}
    if "product_name" not in match.mappings:
        match.mappings["product_name"] = {"from": levels[-1]}
        match.reasons["product_name"] = "there are no names of products; the narrowest category stands in"


def _split_name(match: Match, table: Table) -> None:
    """Divide one name into given and family name at its last blank."""
    names = {normalised(name): name for name in table.columns}
    whole = next((names[name] for name in ("name", "fullname", "customername", "contactname") if name in names), None)
    if whole and not {"first_name", "last_name"} & set(match.mappings):
        match.mappings["first_name"] = {"sql": f"regexp_extract({quoted(whole)}, '^(.*\\S)\\s+\\S+$', 1)"}
        match.mappings["last_name"] = {"sql": f"regexp_extract({quoted(whole)}, '(\\S+)\\s*$', 1)"}
        match.reasons["last_name"] = "the last word of the name"


def _conclude(match: Match, table: Table, file_name: str) -> None:
    """Map what no single column is called like, and others let conclude."""
    if match.channel == "products":
        _join_category_levels(match, table)
    elif match.channel == "customers":
        _split_name(match, table)
    elif match.channel == "survey_responses" and "kind" not in match.mappings:
        kind = next((kind for kind in ("nps", "csat", "ces") if kind in file_name.casefold()), None)
        if kind:
            match.mappings["kind"] = {"value": kind}
            match.reasons["kind"] = "the name of the file"
    elif match.channel in ("orders", "order_lines"):
        _conclude_order(match, table)


def _conclude_order(match: Match, table: Table) -> None:
    if len(match.mappings) > 1 and "sales_channel" not in match.mappings:
        store = "store_id" in match.mappings
        match.mappings["sales_channel"] = {"value": "store" if store else "web"}
        match.reasons["sales_channel"] = "each row names a store" if store else "no row names a store"
    orders = match.mappings.get("order_id", {}).get("from")
    prefix = _credit_note_prefix(table.columns[orders]) if orders and "status" not in match.mappings else None
    if orders and prefix:
        case = f"case when {quoted(orders)} like '{prefix}%' then 'returned' else 'completed' end"
        match.mappings["status"] = {"sql": case}
        match.reasons["status"] = f"numbers that begin with {prefix} are credit notes"


def _credit_note_prefix(orders: list[str]) -> str | None:
    """Return the letter of credit notes among order numbers that are plain digits otherwise."""
    letters = {text[0] for text in orders if re.fullmatch(r"[CRcr]\d+", text)}
    plain = sum(text.isdecimal() for text in orders)
    return min(letters) if letters and plain > 0.8 * len(orders) else None


def _yaml(name: str) -> Any:
    return yaml.safe_load((Path(__file__).parent / name).read_text(encoding="utf-8"))
