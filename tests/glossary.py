"""`docs/glossary.md` as rules for names: which words a column may bear, and what type its ending promises."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "glossary.md"
Column = tuple[str, str, str]
"""Table, name and type."""
OF_TIME = ("DATE", "TIMESTAMP")


@dataclass(frozen=True)
class Glossary:
    """The names in which a word may stand, and the type of each pattern of names."""

    only_as: dict[str, tuple[str, ...]]
    types: dict[str, str]


def read_glossary(page: str) -> Glossary:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    words = {row[0]: tuple(re.findall(r"`([^`]+)`", row[2])) for row in rows if not row[0].startswith("`") and row[2]}
    types = {name: row[1] for row in rows if row[0].startswith("`") for name in re.findall(r"`([^`]+)`", row[0])}
    return Glossary({word: names for word, names in words.items() if names}, types)


def broken(glossary: Glossary, columns: Iterable[Column]) -> list[str]:
    """Return a sentence for each column whose name says what it is not."""
    return [
        sentence
        for table, name, kind in columns
        for sentence in (*_words(glossary, f"{table}.{name}", name), *_types(glossary, f"{table}.{name}", name, kind))
    ]


def _words(glossary: Glossary, label: str, name: str) -> list[str]:
    return [
        f"{label}: {word} stands only in {', '.join(allowed)}"
        for word, allowed in glossary.only_as.items()
        if _holds(name, word) and not any(fnmatchcase(name, pattern) for pattern in allowed)
    ]


def _holds(name: str, word: str) -> bool:
    return bool(re.search(rf"(^|_){re.sub(r'[ -]', '_', word)}s?(_|$)", name))


def _types(glossary: Glossary, label: str, name: str, kind: str) -> list[str]:
    """A name of its own stands before the patterns; days and moments must have a name that says so."""
    found = kind.upper().split("(")[0]
    said = {pattern: expected for pattern, expected in glossary.types.items() if fnmatchcase(name, pattern)}
    said = {name: said[name]} if name in said else said
    wrong = [
        f"{label}: {pattern} is {expected}, not {kind}"
        for pattern, expected in said.items()
        if found not in expected.split(" or ")
    ]
    unsaid = [f"{label}: no name of a {found}"] if found in OF_TIME and not said else []
    return wrong or unsaid
