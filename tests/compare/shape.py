"""Which tables, columns and types two releases have in common, and which differences the list explains."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.compare.renames import Change, Shape, of_published, words_of


@dataclass(frozen=True)
class ColumnPair:
    """A column of both releases; `words` are its renamed values, old and new; rows of `split` ones are left out."""

    old: str
    new: str
    old_type: str
    new_type: str
    words: tuple[tuple[str, str], ...] = ()
    split: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TablePair:
    """A table of both releases, and the columns that can be compared."""

    old: str
    new: str
    columns: tuple[ColumnPair, ...]


@dataclass
class Shapes:
    """Tables and columns of two releases beside each other: (table, sentence) for each difference."""

    pairs: list[TablePair] = field(default_factory=list)
    explained: list[tuple[str, str]] = field(default_factory=list)
    unexplained: list[tuple[str, str]] = field(default_factory=list)


def compared(old: Shape, new: Shape, changes: Iterable[Change]) -> Shapes:
    listed = of_published(changes, old, new)
    found = Shapes()
    renamed = _renamed(listed, "table")
    for table in old:
        target = renamed.get(table, table)
        if target in new:
            found.pairs.append(TablePair(table, target, tuple(_columns(table, target, old, new, listed, found))))
        elif table not in _dropped(listed):
            found.unexplained.append((table, "is gone"))
        else:
            found.explained.append((table, "dropped"))
        if target != table:
            found.explained.append((table, f"is called {target}"))
    _note_added(set(new) - {pair.new for pair in found.pairs}, listed, found)
    found.unexplained += [*_not_there(listed, old, new)]
    return found


def _renamed(listed: Sequence[Change], kind: str) -> dict[str, str]:
    return {change.old: change.new for change in listed if change.kind == kind}


def _dropped(listed: Sequence[Change]) -> set[str]:
    return {change.old for change in listed if change.kind == "dropped"}


def _columns(
    table: str, target: str, old: Shape, new: Shape, listed: Sequence[Change], found: Shapes
) -> Iterator[ColumnPair]:
    renamed, taken = _renamed(listed, "column"), set()
    for column, old_type in old[table].items():
        name = f"{table}.{column}"
        new_table, new_column = renamed.get(name, f"{target}.{column}").rsplit(".", 1)
        if new_table != target:
            found.explained.append((table, f"{column} is {new_table}.{new_column}"))
        elif new_column in new[target]:
            taken.add(new_column)
            if new_column != column:
                found.explained.append((table, f"{column} is called {new_column}"))
            words = tuple(words_of(listed, name))
            split = frozenset(word for both in words_of(listed, name, "split") for word in both)
            if split:
                found.explained.append(
                    (table, f"{column}: rows of {', '.join(sorted(split))} are others, not compared")
                )
            pair = ColumnPair(column, new_column, old_type, new[target][new_column], words, split)
            _note_type(table, pair, _renamed(listed, "type").get(name), found)
            yield pair
        elif name in _dropped(listed):
            found.explained.append((table, f"{column} dropped"))
        else:
            found.unexplained.append((table, f"{column} is gone"))
    _note_added({f"{target}.{column}" for column in set(new[target]) - taken}, listed, found)


def _note_type(table: str, pair: ColumnPair, listed: str | None, found: Shapes) -> None:
    if pair.old_type == pair.new_type:
        if listed is not None:
            found.unexplained.append((table, f"{pair.old} is listed as {listed}, but still is {pair.new_type}"))
        return
    sentence = f"{pair.new} was {pair.old_type} and is {pair.new_type}"
    is_listed = listed is not None and _plain(listed) == _plain(pair.new_type)
    (found.explained if is_listed else found.unexplained).append((table, sentence))


def _plain(kind: str) -> str:
    return kind.replace(" ", "").upper()


def _note_added(names: Iterable[str], listed: Sequence[Change], found: Shapes) -> None:
    added = {change.new for change in listed if change.kind in ("added", "column")}
    for name in sorted(names):
        table = ".".join(name.split(".")[:2])
        sentence = f"{name} is new"
        (found.explained if name in added else found.unexplained).append((table, sentence))


def _has(shape: Shape, name: str) -> bool:
    table, _, column = name.rpartition(".")
    return name in shape or column in shape.get(table, {})


def _not_there(listed: Sequence[Change], old: Shape, new: Shape) -> Iterator[tuple[str, str]]:
    """Rows of the list that nothing in the two releases bears out."""
    for change in listed:
        before = change.old.split("=", 1)[0]
        table = ".".join((before or change.new).split(".")[:2])
        row = f"listed: {change.kind} {change.old} -> {change.new}".rstrip(" ->")
        if before and not _has(old, before):
            yield table, f"{row}, but the old release has no {before}"
        elif change.kind in ("table", "column", "added") and not _has(new, change.new):
            yield table, f"{row}, but the new release has no {change.new}"
        elif change.kind == "dropped" and _has(new, change.old):
            yield table, f"{row}, but it is still there"
