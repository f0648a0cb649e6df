"""Faults planted in finished files, with the list of what was planted where and what should become of it.

A fault is planted only in rows that nothing else touches, so that each line of the list stands for itself.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.tables import SourceFile

QUARANTINED = "quarantined"
DUPLICATE = "duplicate"
SUPERSEDED = "superseded"
# With one fault of each kind, a smaller file would be over the share of bad rows at which a run stops.
SMALLEST_FILE = 100
COLUMNS = ["file", "line", "kind", "outcome", "column"]
Truth = list[tuple[str, int, str, str, str]]


@dataclass(frozen=True)
class Fault:
    """One kind of wrong cell: `value` is written into `source_column`, and the contract's `column` is then at fault."""

    kind: str
    column: str
    source_column: str
    value: Any


def plant(files: Sequence[SourceFile], faults: dict[str, list[Fault]], rng: np.random.Generator) -> pd.DataFrame:
    """Plant each source's faults in its files, in place.

    Returns:
        The truth: file, line, kind, outcome and, where one column is at fault, its name in the contract.
    """
    truth: Truth = []
    by_source: dict[tuple[str, str], list[SourceFile]] = defaultdict(list)
    for file in files:
        by_source[file.folder, file.source].append(file)
    for (_, source), family in by_source.items():
        redelivered = _superseded(family, truth)
        for file in family:
            free = np.flatnonzero(~file.rows[file.key].isin(redelivered).to_numpy())
            if len(free) >= SMALLEST_FILE:
                _plant_in_file(file, faults[source], free, truth, rng)
    return pd.DataFrame(truth, columns=COLUMNS).sort_values(["file", "line"], ignore_index=True)


def _superseded(family: list[SourceFile], truth: Truth) -> set[Any]:
    """List the rows that a later file of the same source delivers anew; return the keys concerned."""
    latest: dict[Any, int] = {}
    again: set[Any] = set()
    for number, file in enumerate(family):
        keys = set(file.rows[file.key])
        again |= keys & latest.keys()
        latest.update(dict.fromkeys(keys, number))
    for number, file in enumerate(family):
        delivered = file.rows[file.key]
        for row in np.flatnonzero(delivered.isin(again)):
            if latest[delivered.iloc[row]] > number:
                truth.append((file.path, file.line_of(int(row)), "redelivered", SUPERSEDED, ""))
    return again


def _plant_in_file(
    file: SourceFile, faults: list[Fault], free: NDArray[np.int64], truth: Truth, rng: np.random.Generator
) -> None:
    each = 1 + len(free) // 20_000
    copies = 2 + len(free) // 5_000
    ragged = 0 if file.form == "parquet" else each
    chosen = rng.choice(free, each * len(faults) + ragged + copies, replace=False).tolist()
    for fault in faults:
        for _ in range(each):
            row = chosen.pop()
            file.rows.loc[row, fault.source_column] = fault.value
            truth.append((file.path, file.line_of(row), fault.kind, QUARANTINED, fault.column))
    broken = [chosen.pop() for _ in range(ragged)]
    repeated = file.rows.iloc[chosen]
    first_copy = len(file.rows)
    file.rows = pd.concat([file.rows, repeated], ignore_index=True)
    copied = range(first_copy, len(file.rows))
    truth += [(file.path, file.line_of(row), "repeated_row", DUPLICATE, "") for row in copied]
    for row in broken:
        file.broken[row] = _break(file, row)
        truth.append((file.path, file.line_of(row), "ragged_row", QUARANTINED, ""))


def _break(file: SourceFile, row: int) -> str:
    """Return a row as a crashed export leaves it: a CSV row with a cell too many, a JSON row cut off."""
    if file.form == "csv":
        return file.delimiter.join([*file.rows.iloc[row].tolist(), "EXTRA"])
    return '{"id": "W", "placed_at": '
