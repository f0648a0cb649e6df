"""Faults planted in finished files, with the list of what was planted where and what should become of it.

A fault is planted only in rows that nothing else touches, so that each line of the list stands for itself.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.tables import SourceFile

QUARANTINED = "quarantined"
DUPLICATE = "duplicate"
SUPERSEDED = "superseded"
# The row is loaded: with the value read as it was meant, or later than the rows of its time.
REPAIRED = "repaired"
LOADED = "loaded"
# It is dated later than any run.
WAITING = "waiting"
# A run stops where 5 % of a file are bad; the sample stays well below.
LARGEST_SHARE = 0.02
ROWS_PER_COPY = 5_000
ROWS_PER_FAULT = 20_000
COLUMNS = ["file", "line", "kind", "outcome", "column"]


@dataclass(frozen=True)
class Fault:
    """One kind of wrong cell.

    Attributes:
        kind: name of the fault.
        column: the contract's column that is then at fault.
        source_column: where it is planted.
        value: what is written there, or a function of what stood there.
        outcome: what becomes of the row.
    """

    kind: str
    column: str
    source_column: str
    value: Any
    outcome: str = QUARANTINED


@dataclass(frozen=True)
class _BrokenRow:
    """One kind of row that cannot be read at all."""

    kind: str
    forms: tuple[str, ...]
    broken: Callable[[SourceFile, str], str]
    column: str = ""
    outcome: str = QUARANTINED


def _ragged(file: SourceFile, text: str) -> str:
    """Return a row as a crashed export leaves it: a CSV row with a cell too many, a JSON row cut off."""
    return f"{text}{file.delimiter}EXTRA" if file.form == "csv" else text[: len(text) // 2]


def _foreign_bytes(file: SourceFile, text: str) -> str:
    """Return a row with a Latin-1 byte in it, as hand-edited files have, which is no UTF-8."""
    end = text.rfind(file.delimiter) if file.form == "csv" else text.index('"') + 1
    return f"{text[:end]}\udce9{text[end:]}"


BROKEN_ROWS = (
    _BrokenRow("ragged_row", ("csv", "jsonl"), _ragged),
    _BrokenRow("wrong_encoding", ("csv", "jsonl"), _foreign_bytes),
)
Kind = Fault | _BrokenRow


class _Truth:
    """The list of what was planted, as it grows."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, str, str, str]] = []

    def add(self, file: SourceFile, rows: Sequence[int], kind: str, outcome: str, column: str = "") -> None:
        self.rows += [(file.path, file.line_of(int(row)), kind, outcome, column) for row in rows]

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=COLUMNS).sort_values(["file", "line"], ignore_index=True)


def plant(
    files: Sequence[SourceFile], faults: dict[tuple[str, str], list[Fault]], rng: np.random.Generator
) -> pd.DataFrame:
    """Plant each source's faults in its files, in place.

    The kinds of a source take turns through its files, so that small files are not too dirty and each kind occurs.

    Args:
        files: the files in the order of their delivery.
        faults: the kinds by folder and source (the first part of a file's name).
        rng: the source of chance.

    Returns:
        The truth: file, line, kind, outcome and, where one column is at fault, its name in the contract.
    """
    truth = _Truth()
    by_source: dict[tuple[str, str], list[SourceFile]] = defaultdict(list)
    for file in files:
        by_source[file.folder, file.source].append(file)
    for source, family in by_source.items():
        kinds: list[Kind] = [*faults[source], *BROKEN_ROWS] if faults[source] else []
        kinds = [kind for kind in kinds if isinstance(kind, Fault) or family[0].form in kind.forms]
        turn = 0
        for file, touched in zip(family, _touched(family, truth), strict=True):
            turn += _plant_in_file(file, _turned(kinds, turn), np.flatnonzero(~touched), truth, rng)
    return truth.table()


def _turned(kinds: list[Kind], turn: int) -> list[Kind]:
    at = turn % max(len(kinds), 1)
    return kinds[at:] + kinds[:at]


def _touched(family: list[SourceFile], truth: _Truth) -> list[NDArray[np.bool_]]:
    """List late rows and those that a later file of the source delivers anew; return for each row if it is of these."""
    again = _redelivered(family)
    touched = []
    for place, file in enumerate(family):
        late = file.rows[file.key].isin(file.late).to_numpy()
        known = file.keys.isin(again.index).to_numpy() if len(again) else np.zeros(len(late), dtype=bool)
        rows = np.flatnonzero(known)
        replaced = rows[again.loc[file.keys.iloc[rows]].to_numpy() > place] if len(rows) else rows
        truth.add(file, replaced.tolist(), "redelivered", SUPERSEDED)
        truth.add(file, np.setdiff1d(np.flatnonzero(late), replaced).tolist(), "late_row", LOADED)
        touched.append(known | late)
    return touched


def _redelivered(family: list[SourceFile]) -> pd.Series:
    """Return the place of the last file that holds each key which more than one file holds."""
    keys = [pd.unique(file.keys.to_numpy(dtype=object)) for file in family]
    delivered = pd.Series(
        np.repeat(np.arange(len(family)), [len(distinct) for distinct in keys]),
        index=pd.Index(np.concatenate(keys), dtype=object),
    )
    repeated = delivered[delivered.index.duplicated(keep=False)]
    return repeated[~repeated.index.duplicated(keep="last")]


def _plant_in_file(
    file: SourceFile, kinds: list[Kind], free: NDArray[np.int64], truth: _Truth, rng: np.random.Generator
) -> int:
    """Plant as many of the kinds as the file can bear; return how many."""
    kinds = kinds[: int(len(free) * LARGEST_SHARE)]
    if not kinds:
        return 0
    each = 1 + len(free) // ROWS_PER_FAULT
    copies = min(2 + len(free) // ROWS_PER_COPY, len(free) // 20)
    chosen = rng.choice(free, each * len(kinds) + copies, replace=False)
    repeated, chosen = chosen[:copies], chosen[copies:].reshape(len(kinds), each)
    for kind, rows in zip(kinds, chosen, strict=True):
        if isinstance(kind, Fault):
            _replace(file, kind, rows)
        truth.add(file, rows.tolist(), kind.kind, kind.outcome, kind.column)
    # Copies go to the end, where they move no row.
    first_copy = len(file.rows)
    file.rows = pd.concat([file.rows, file.rows.iloc[repeated]], ignore_index=True)
    truth.add(file, range(first_copy, len(file.rows)), "repeated_row", DUPLICATE)
    for kind, rows in zip(kinds, chosen, strict=True):
        if isinstance(kind, _BrokenRow):
            file.broken |= {
                row: kind.broken(file, text) for row, text in zip(rows.tolist(), file.texts(rows), strict=True)
            }
    return len(kinds)


def _replace(file: SourceFile, fault: Fault, rows: NDArray[np.int64]) -> None:
    column = file.rows[fault.source_column].copy()
    before = column.iloc[rows].tolist()
    column.iloc[rows] = [fault.value(cell) if callable(fault.value) else fault.value for cell in before]
    file.rows[fault.source_column] = column
