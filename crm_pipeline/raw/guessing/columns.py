"""Which channel a table feeds and which of its columns are meant: told by names first, then by whether values fit."""

import re
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline.config.contract import Column, Contract, contracts
from crm_pipeline.raw.guessing.allowed import meaning_of
from crm_pipeline.raw.guessing.values import ENOUGH, guess_moments, guess_numbers
from crm_pipeline.raw.guessing.words import Languages, spellings_of, tokens_of

#: Names of columns that say too little where they stand inside a JSON object.
_VAGUE = ("id", "name", "type")
#: Names of people, which are no ids: two people may bear one.
_NAME = re.compile(r"[^\W\d_]+[.,]?( [^\W\d_]+[.,]?)+")


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
    """A channel that a table may feed: mappings by contract column, why they are guessed, and what is doubtful.

    `unknown` holds the values of a column of which nobody can tell what they mean, `unused_amounts` the columns that
    look like money and are mapped to nothing.
    """

    channel: str
    languages: Languages = field(default_factory=Languages)
    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, tuple[str, ...]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unused_amounts: list[str] = field(default_factory=list)
    score: float = 0

    @property
    def is_complete(self) -> bool:
        """Tell whether every required column was found, and something beside the keys."""
        contract = contracts()[self.channel]
        beside = set(self.mappings) - {name for name in contract.column_names if name.endswith("_id")}
        return not self.missing and bool(beside)

    @property
    def told_by_columns(self) -> int:
        """Return how many contract columns get their value from the file."""
        return sum("value" not in mapping for mapping in self.mappings.values())

    @property
    def origins(self) -> set[str]:
        """Return the source columns that are mapped as they are."""
        return {mapping["from"] for mapping in self.mappings.values() if "from" in mapping}

    def uses(self, name: str) -> bool:
        """Tell whether a source column is used by any mapping."""
        return name in self.origins or any(f'"{name}"' in mapping.get("sql", "") for mapping in self.mappings.values())


def match_names(table: Table, contract: Contract, languages: Languages) -> Match:
    """Map the columns of a table that are called like those of a channel, and whose values fit."""
    match = Match(contract.name, languages)
    free = _free_columns(table)
    unmapped = [column for column in contract.columns if not _find(match, column, table, free, languages)]
    qualified = _without_qualifiers(free, languages.qualifiers(contract.name))
    for column in unmapped:
        origin = _find(match, column, table, qualified, languages)
        if origin and column.name not in match.doubts:
            match.reasons[column.name] = f"'{origin}' may mean it"
    return match


def _find(match: Match, column: Column, table: Table, free: dict[str, str], languages: Languages) -> str | None:
    """Map a contract column to the first of the free columns that is called like it and fits; return which."""
    for name in languages.names_of(contracts()[match.channel], column):
        for spelling in spellings_of(name):
            origin = free.get(spelling)
            if origin is not None and take(match, column, origin, table.columns[origin]):
                for known in [known for known, other in free.items() if other == origin]:
                    del free[known]
                return origin
    return None


def _free_columns(table: Table) -> dict[str, str]:
    """Return the columns by their spellings; a key inside a JSON object by its own name too, where that says enough."""
    found: dict[str, str] = {}
    if table.optional:
        for name in table.columns:
            inner = name.rsplit(".", 1)[-1]
            if inner != name and inner not in _VAGUE:
                found |= dict.fromkeys(spellings_of(inner), name)
    for name in reversed(table.columns):
        found |= dict.fromkeys(spellings_of(name), name)
    return found


def _without_qualifiers(free: dict[str, str], qualifiers: set[str]) -> dict[str, str]:
    """Return the columns whose names begin with a word that says whose they are, without it: `customer_city`."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(free.values()):
        first, *rest = tokens_of(name) or [""]
        if first in qualifiers and rest and rest not in (["id"], ["name"]):
            found |= {spelling: name for spelling in spellings_of(" ".join(rest)) if spelling not in found}
    return found


def take(match: Match, column: Column, origin: str, texts: list[str]) -> bool:
    """Map a column where the values fit its type; note what is doubtful."""
    if column.valid_values or column.logical_type == "boolean":
        return _take_words(match, column, origin, texts)
    if column.logical_type == "string" or not texts:
        fits = not texts or _looks_like(column, texts)
        if fits:
            match.mappings[column.name] = {"from": origin}
        return fits
    moment = column.logical_type in ("date", "timestamp")
    guess = guess_moments(texts) if moment else guess_numbers(texts, column)
    if guess is None:
        return False
    match.mappings[column.name] = guess.mapping(origin)
    if guess.doubt:
        match.doubts[column.name] = guess.doubt
    return True


def _take_words(match: Match, column: Column, origin: str, texts: list[str]) -> bool:
    allowed = meaning_of(match.channel, column, texts) if texts else None
    if allowed is None:
        if not column.required or not column.valid_values:
            return False
        match.doubts[column.name] = f"map its values to {', '.join(column.valid_values)}"
        match.mappings[column.name] = {"from": origin}
        return True
    match.mappings[column.name] = {"from": origin} | ({"values": allowed.values} if allowed.values else {})
    if allowed.unknown:
        match.unknown[column.name] = allowed.unknown
    return True


def _looks_like(column: Column, texts: list[str]) -> bool:
    """Tell whether texts may be what a column of texts holds: e-mails and phones show it; names are no ids."""
    if column.format == "email":
        return sum("@" in text for text in texts) >= ENOUGH / 2 * len(texts)
    if column.name == "phone":
        return sum(len(re.findall(r"\d", text)) >= 5 for text in texts) >= ENOUGH / 2 * len(texts)
    if column.name == "customer_id":
        return sum(_NAME.fullmatch(text) is not None for text in texts) < ENOUGH / 2 * len(texts)
    return True
