"""Landing files in memory: cells are finished text, so that a fault can be planted in any of them.

A CSV cell is the text between two delimiters; a JSON cell (one document per line, or all in one array) is a JSON
literal, and a dotted column name such as `customer.email` is a nested field; a cell of a Parquet file or an Excel sheet
is a value.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import CORRECTIONS, FIRST_DAY, PERIODS

Texts = NDArray[np.object_]
Form = Literal["csv", "jsonl", "json", "parquet", "xlsx"]
SUFFIXES = {"csv": ".csv.gz", "jsonl": ".jsonl.gz", "json": ".json", "parquet": ".parquet", "xlsx": ".xlsx"}
NULL = "null"


@dataclass
class SourceFile:
    """One file of one source.

    Attributes:
        folder: the source system's folder below landing/.
        source: what the file holds, the first part of its name.
        period: the delivery, the second part of its name.
        form: how the rows are written.
        key: the column whose value a later file replaces.
        rows: one column per source column.
        delimiter: of a CSV file.
        broken: text that stands in the file instead of a row, by row number.
        version: a second column of the key: rows that differ in it are versions that stand beside each other.
        encoding: of a text file. Surrogate escapes in a broken row are written as the bytes that they stand for.
        newline: line end of a text file.
        late: keys of rows that belong into an earlier file.
        part: third part of the name, of a company that is made in parts.
    """

    folder: str
    source: str
    period: str
    form: Form
    key: str
    rows: pd.DataFrame
    delimiter: str = ","
    broken: dict[int, str] = field(default_factory=dict)
    version: str = ""
    encoding: str = "utf-8"
    newline: str = "\n"
    late: frozenset[str] = frozenset()
    part: str = ""

    @property
    def path(self) -> str:
        """Path in the dataset folder."""
        return f"landing/{self.folder}/{self.source}_{self.period}{self.part}{SUFFIXES[self.form]}"

    @property
    def keys(self) -> pd.Series:
        """What a later row replaces an earlier one by."""
        return self.rows[self.key] + "|" + self.rows[self.version] if self.version else self.rows[self.key]

    def line_of(self, row: int) -> int:
        """Return the line of a row: a header (CSV, Excel) is line 1, the first row of any other form is line 1."""
        return row + (2 if self.form in ("csv", "xlsx") else 1)

    def lines(self) -> list[str]:
        """Return the text lines of a CSV or JSON file."""
        lines = self.texts(slice(None))
        for row, text in self.broken.items():
            lines[row] = text
        if self.form == "json":
            return ["[" + ",\n".join(lines) + "]"]
        return [self.delimiter.join(self.rows.columns), *lines] if self.form == "csv" else lines

    def texts(self, rows: NDArray[np.int64] | slice) -> list[str]:
        """Return some rows of a CSV or JSON file as they would be written if nothing were broken."""
        columns = [self.rows[name].iloc[rows].tolist() for name in self.rows.columns]
        if self.form == "csv":
            return list(map(self.delimiter.join, zip(*columns, strict=True)))
        template = _json_template(list(self.rows.columns))
        return [template % cells for cells in zip(*columns, strict=True)]


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


def by_period(
    cells: pd.DataFrame,
    period: NDArray[np.int64],
    where: tuple[str, str, Form],
    key: str,
    late: NDArray[np.bool_] | None = None,
) -> list[SourceFile]:
    """Split rows into one file per period in delivery order.

    Args:
        cells: the rows.
        period: for each row the number of its period; one more than the last means the corrections.
        where: folder, source and form of the files.
        key: the column whose value a later file replaces.
        late: which rows come a period later than they should.
    """
    folder, source, form = where
    names = [*PERIODS, CORRECTIONS]
    files = []
    for name in sorted(names):
        mine = period == names.index(name)
        rows = cells[mine].reset_index(drop=True)
        if len(rows):
            keys = frozenset() if late is None else frozenset(rows.loc[late[mine], key])
            files.append(SourceFile(folder, source, name, form, key, rows, late=keys))
    return files
