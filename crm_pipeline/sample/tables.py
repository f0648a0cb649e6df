"""Landing files in memory: cells are finished text, so that a fault can be planted in any of them.

A CSV cell is the text between two delimiters; a JSON-lines cell is a JSON literal, and a dotted column name such as
`customer.email` is a nested field; a Parquet cell is a typed value.
"""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import FIRST_DAY

Texts = NDArray[np.object_]
Form = Literal["csv", "jsonl", "parquet"]
SUFFIXES = {"csv": ".csv.gz", "jsonl": ".jsonl.gz", "parquet": ".parquet"}
NULL = "null"


@dataclass
class SourceFile:
    """One file of one source.

    Attributes:
        folder: the source system's folder below landing/.
        source: what the file holds, the first part of its name.
        period: the delivery, the second part of its name.
        form: csv, jsonl or parquet.
        key: the column whose value a later file replaces.
        rows: one column per source column.
        delimiter: of a CSV file.
        broken: text that stands in the file instead of a row, by row number.
    """

    folder: str
    source: str
    period: str
    form: Form
    key: str
    rows: pd.DataFrame
    delimiter: str = ","
    broken: dict[int, str] = field(default_factory=dict)

    @cached_property
    def path(self) -> str:
        """Path in the dataset folder."""
        return f"landing/{self.folder}/{self.source}_{self.period}{SUFFIXES[self.form]}"

    def line_of(self, row: int) -> int:
        """Return the line of a row: a CSV header is line 1, the first row of any other form is line 1."""
        return row + (2 if self.form == "csv" else 1)

    def lines(self) -> list[str]:
        """Return the text lines of a CSV or JSON-lines file."""
        columns = [self.rows[name].tolist() for name in self.rows.columns]
        if self.form == "csv":
            lines = list(map(self.delimiter.join, zip(*columns, strict=True)))
        else:
            template = _json_template(list(self.rows.columns))
            lines = [template % cells for cells in zip(*columns, strict=True)]
        for row, text in self.broken.items():
            lines[row] = text
        return [self.delimiter.join(self.rows.columns), *lines] if self.form == "csv" else lines


def _json_template(columns: list[str]) -> str:
    nested: dict[str, Any] = {}
    for name in columns:
        *outer, last = name.split(".")
        place = nested
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = "%s"
    return json.dumps(nested).replace('"%s"', "%s")


def csv_cells(values: pd.Series, delimiter: str) -> Texts:
    """Return texts as CSV cells, quoted where they need it; missing ones are empty."""
    texts = values.fillna("").astype(str).to_numpy(dtype=object)
    quoted = ['"' + t.replace('"', '""') + '"' if delimiter in t or '"' in t else t for t in texts]
    return np.array(quoted, dtype=object)


def json_cells(values: pd.Series) -> Texts:
    """Return texts as JSON literals; missing and empty ones are null."""
    place, distinct = pd.factorize(values.fillna(""))
    # One encoder for all: json.dumps makes a new one for each text.
    encode = json.JSONEncoder(ensure_ascii=False).encode
    return np.array([encode(text) if text else NULL for text in distinct.tolist()], dtype=object)[place]


def money(pence: NDArray[np.int64] | pd.Series, mark: str = ".") -> Texts:
    """Return whole pence as text with two decimals."""
    distinct, place = np.unique(np.asarray(pence, dtype=np.int64), return_inverse=True)
    texts = [f"{'-' if p < 0 else ''}{abs(p) // 100}{mark}{abs(p) % 100:02d}" for p in distinct.tolist()]
    return np.array(texts, dtype=object)[place]


def numbers(values: NDArray[np.int64] | pd.Series) -> Texts:
    """Return whole numbers as text."""
    distinct, place = np.unique(np.asarray(values, dtype=np.int64), return_inverse=True)
    return np.array([str(value) for value in distinct.tolist()], dtype=object)[place]


def dates(days: NDArray[Any] | pd.Series, pattern: str) -> Texts:
    """Return calendar dates as text; missing ones are empty."""
    stamps = pd.Series(np.asarray(days, dtype="datetime64[D]").astype("datetime64[s]"))
    place, distinct = pd.factorize(stamps)
    texts = np.array([*(stamp.strftime(pattern) for stamp in distinct), ""], dtype=object)
    return texts[place]


def calendar_dates(day: NDArray[np.int64] | pd.Series) -> NDArray[np.datetime64]:
    """Return the dates of day numbers."""
    return FIRST_DAY + np.asarray(day, dtype=np.int64)


def times(day: pd.Series, minute: pd.Series, pattern: str, between: str, ending: Texts | None = None) -> Texts:
    """Return dates and minutes of the day as text, such as 31/12/2025 09:05."""
    clock = np.array([f"{m // 60:02d}:{m % 60:02d}" for m in range(24 * 60)], dtype=object)
    text = dates(calendar_dates(day), pattern) + between + clock[minute.to_numpy()]
    return text if ending is None else text + ending
