"""Reads a sheet of an Excel workbook (.xlsx, .xlsm), row by row: each cell as the text that a CSV export would hold.

Of a formula the saved result counts; what merged cells count for, `read.merged_cells` says.
"""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
from openpyxl.utils import get_column_letter

from crm_pipeline.config.reading import ReadOptions
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.excel.merged import MergedCells
from crm_pipeline.raw.excel.parts import DAMAGE, Sheet, Workbook, open_workbook, unreadable
from crm_pipeline.raw.excel.places import better_place, sheet_rows, unread_sheets, with_names_above
from crm_pipeline.raw.excel.scan import Block, scan_sheet
from crm_pipeline.raw.excel.texts import CellError
from crm_pipeline.raw.header import is_surely_header, looks_like_data, require_columns
from crm_pipeline.raw.header_place import fit, wanted_names
from crm_pipeline.raw.source_rows import FileRows, fill_source_rows, named_columns, writable
from crm_pipeline.raw.textfile import Refused

_MOST_CELLS = 100_000_000
Rows = Iterator[tuple[int, list[str | None]]]


def read_excel(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig) -> FileRows:
    """Fill `source_rows` with the rows of one sheet; the line of a row is its number in the sheet.

    Raises:
        Refused: if it is no workbook that can be read, has no such sheet, or lacks a mapped column.
    """
    book = open_workbook(path, source.read.unpacked_limit)
    sheet = _chosen(book, source.read)
    found = scan_sheet(book, sheet)
    numbered = sheet_rows(book, sheet)
    header = _header(numbered, source.read.header_row, found.blocks)
    rows = named_columns(header)
    try:
        _require_names(header, rows, sheet, source)
    except Refused as refused:
        raise better_place(book, sheet, fit(header, wanted_names(source)), source) or refused from None
    used = _used(rows.columns, source)
    merged = MergedCells(found.blocks, source, used)
    body = _Body(rows.columns, used, merged)
    fill_source_rows(con, rows.columns, body.rows(numbered))
    if body.damage:
        raise Refused(body.damage, "Deliver it again, whole.", body.count)
    problems = [found.problem, merged.problem(rows.columns), _not_read(book, sheet, source)]
    rows.problem = " ".join(filter(None, problems)) or None
    return rows


class _Body:
    """The rows below the header; `damage` tells afterwards whether the sheet could be read to its end."""

    def __init__(self, columns: list[str], used: list[bool], merged: MergedCells) -> None:
        self.damage: str | None = None
        self.count = 0
        self._columns = columns
        self._used = used
        self._merged = merged

    def rows(self, numbered: Rows) -> Iterator[tuple[object, ...]]:
        """Yield what `source_rows` takes; empty rows are no rows."""
        number = looked_at = 0
        try:
            for number, texts in numbered:
                looked_at += len(texts) + 1
                if looked_at > _MOST_CELLS:
                    self.damage = f"The sheet has more than {_MOST_CELLS:,} cells, most of them empty."
                    return
                if any(texts):
                    self.count += 1
                    yield self._row(number, self._merged.filled(number, texts))
        except DAMAGE as error:
            self.damage = f"The workbook is damaged after row {number} of the sheet ({type(error).__name__})."

    def _row(self, number: int, texts: list[str | None]) -> tuple[object, ...]:
        width = len(self._columns)
        problem, remedy = self._problem(number, texts)
        if problem is None:
            return (number, None, None, None, *texts[:width], *([None] * (width - len(texts))))
        shown = dict(zip(self._columns, texts, strict=False))
        raw = json.dumps({name: text and writable(text) for name, text in shown.items()}, ensure_ascii=False)
        return (number, problem, remedy, raw, *([None] * width))

    def _problem(self, number: int, texts: list[str | None]) -> tuple[str | None, str | None]:
        """Return what keeps a row from being loaded: an error in a column that is read, or a value beside the table."""
        for column, (text, used) in enumerate(zip(texts, self._used, strict=False), start=1):
            if used and isinstance(text, CellError):
                problem = f"the cell {get_column_letter(column)}{number} holds the error {text}"
                return problem, "Correct its formula in the workbook."
        for column, text in enumerate(texts[len(self._columns) :], start=len(self._columns) + 1):
            if text:
                problem = f"the cell {get_column_letter(column)}{number} holds a value, and its column has no header"
                return problem, "Name the column in the header, or empty the cell."
        return None, None


def _chosen(book: Workbook, read: ReadOptions) -> Sheet:
    """Return the sheet that a source names, or the first one that is not hidden."""
    named = [sheet for sheet in book.sheets if sheet.name == read.sheet] if read.sheet else book.shown
    if named:
        return named[0]
    names = [sheet.name for sheet in book.sheets]
    if read.sheet is None:
        problem = f"The workbook has no sheet that is not hidden. It has: {', '.join(names)}."
        raise Refused(problem, "Name one of them with read.sheet of this source in pipeline.yml.")
    close = difflib.get_close_matches(read.sheet, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    problem = f"The workbook has no sheet '{read.sheet}'. It has: {', '.join(names)}.{hint}"
    raise Refused(problem, "Correct read.sheet of this source in pipeline.yml.")


def _header(numbered: Rows, row: int, blocks: tuple[Block, ...]) -> list[str]:
    """Return the names in the header's row, with those that merged cells bring from the row above it."""
    before: list[tuple[int, list[str | None]]] = []
    try:
        for number, texts in numbered:
            before.append((number, texts))
            if number == row:
                break
    except DAMAGE as error:
        raise unreadable(error) from None
    cells = before[-1][1] if before and before[-1][0] == row else []
    header = [text or "" for text in with_names_above(cells, row, before, blocks)]
    while header and not header[-1].strip():
        header.pop()
    return header


def _require_names(header: list[str], rows: FileRows, sheet: Sheet, source: SourceConfig) -> None:
    if not header:
        problem = f"Row {source.read.header_row} of the sheet '{sheet.name}' is empty; the header is expected there."
        raise Refused(problem, "Set read.header_row, or read.sheet, of this source in pipeline.yml.")
    require_columns(rows, source, 0, looks_like_data(header) or not is_surely_header(rows, source))


def _used(columns: list[str], source: SourceConfig) -> list[bool]:
    """Tell for each column whether the mapping reads it, so that an error elsewhere costs no row."""
    origins = set(source.names_read)
    expressions = " ".join(source.expressions.values()).casefold()
    return [name in origins or name.casefold() in expressions for name in columns]


def _not_read(book: Workbook, sheet: Sheet, source: SourceConfig) -> str | None:
    """Name the sheets that look like the one that was read, where the source has not chosen between them."""
    if source.read.sheet or not (others := unread_sheets(book, sheet, source.read.header_row, source)):
        return None
    names = ", ".join(f"'{name}'" for name in others)
    alike = f"{names} {'has' if len(others) == 1 else 'have'} the same columns"
    return (
        f"Only the sheet '{sheet.name}' was read, and {alike}. Let each source name the sheet that it reads, such as "
        f"`read: {{sheet: {others[0]}}}`: a source reads one."
    )
