"""The list of old and new names, as far as it speaks of what is published: `docs/renames.csv`."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

RENAMES = Path(__file__).parents[2] / "docs" / "renames.csv"
KINDS = ("table", "column", "type", "value", "split", "dropped", "added", "key", "model")
OF_THE_FILE = ("table", "column", "type", "value", "split", "dropped", "added")

Shape = Mapping[str, Mapping[str, str]]
"""The columns of each table (`schema.table`), with their types."""


@dataclass(frozen=True)
class Change:
    """A row of the list."""

    kind: str
    old: str
    new: str
    why: str = ""


def read_changes(path: Path = RENAMES) -> list[Change]:
    with path.open(newline="", encoding="utf-8") as file:
        return [Change(**row) for row in csv.DictReader(file)]


def of_published(changes: Iterable[Change], old: Shape, new: Shape) -> list[Change]:
    """Leave out what is of neither file, such as keys of `pipeline.yml` and columns of contracts."""
    schemas = {table.split(".")[0] for table in (*old, *new)}
    spoken = [
        change
        for change in changes
        if change.kind in OF_THE_FILE and (change.old or change.new).split(".")[0] in {*schemas, "*"}
    ]
    by_name = {change.old for change in spoken if change.kind in ("column", "dropped")}
    return [
        named
        for change in spoken
        for named in _without_stars(change, old, new)
        if named is change or change.kind == "type" or named.old not in by_name
    ]


def _without_stars(change: Change, old: Shape, new: Shape) -> Iterator[Change]:
    """Name each column that a row with stars (`marts.*.channel`) stands for; a star that fits nothing stays.

    What a row of its own says of a column goes before what a star says of it.
    """
    pattern = change.old or change.new
    if "*" not in pattern:
        yield change
        return
    column, shape = pattern.rsplit(".", 1)[1], old if change.old else new
    tables = [table for table in shape if column in shape[table] and fnmatchcase(f"{table}.{column}", pattern)]
    if not tables:
        yield change
    for table in tables:
        named = f"{table}.{column}"
        if change.kind == "column":
            yield replace(change, old=named, new=f"{table}.{change.new.rsplit('.', 1)[1]}")
        else:
            yield replace(change, old=named) if change.old else replace(change, new=named)


def words_of(changes: Sequence[Change], column: str, kind: str = "value") -> list[tuple[str, str]]:
    """The words of a column (by its old name) that were renamed or split, old and new; an empty one stands for NULL."""
    return [
        (change.old.split("=", 1)[1], change.new.split("=", 1)[1])
        for change in changes
        if change.kind == kind and change.old.split("=", 1)[0] == column
    ]
