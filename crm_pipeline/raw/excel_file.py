"""Reads a sheet of an Excel workbook (.xlsx, .xlsm), row by row: each cell as the text that a CSV export would hold.

Of a formula the saved result counts; of merged cells the first one holds the value and the others are empty.
"""

import difflib
import json
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import duckdb
import openpyxl
from openpyxl.styles.numbers import is_datetime

from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.header import is_surely_header, looks_like_data, require_columns
from crm_pipeline.raw.source_rows import FileRows, fill_source_rows, named_columns, writable
from crm_pipeline.raw.textfile import Refused, beyond_limit

_CHUNK = 1 << 20
_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_UNSAVED_FORMULA = re.compile(rb'<c (?![^>]*t="str")[^>]*>(<f[^>]*>[^<]*</f>|<f[^>]*/>)(<v></v>|<v ?/>)?</c>')
_LONGEST_CELL = 16_384
_LAST_ROW = 9_999_999
_ROW_BEYOND = re.compile(rb'<row [^>]*\br="0*[1-9]\d{7,}"')
_MOST_CELLS = 100_000_000
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_MOST_PACKED, _MOST_SUSPICIOUS = 200, 100_000_000
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    EOFError,
    OSError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    RuntimeError,
)
_MAX_DIGITS = 15


def read_excel(con: duckdb.DuckDBPyConnection, path: Path, source: SourceConfig) -> FileRows:
    """Fill `source_rows` with the rows of one sheet; the line of a row is its number in the sheet.

    Raises:
        Refused: if it is no workbook that can be read, has no such sheet, or lacks a mapped column.
    """
    _refuse_other_formats(path)
    _refuse_unusable_parts(path, source.read.unpacked_limit)
    try:
        unsaved = _unsaved_formulas(path)
    except _DAMAGE as error:
        raise _unreadable(error) from None
    with _sheet(path, source.read.sheet) as sheet:
        first = source.read.header_row
        numbered = enumerate(sheet.iter_rows(min_row=first), start=first)
        try:
            header = [_text(cell) or "" for cell in next(numbered, (first, ()))[1]]
        except _DAMAGE as error:
            raise _unreadable(error) from None
        while header and not header[-1].strip():
            header.pop()
        if not header:
            problem = f"Row {first} of the sheet '{sheet.title}' is empty; the header is expected there."
            raise Refused(problem, "Set read.header_row, or read.sheet, of this source in pipeline.yml.")
        rows = named_columns(header)
        require_columns(rows, source, 0, looks_like_data(header) or not is_surely_header(rows, source))
        body = _Body(rows.columns, _used(rows.columns, source))
        fill_source_rows(con, rows.columns, body.rows(numbered))
    if body.damage:
        raise Refused(body.damage, "Deliver it again, whole.", body.count)
    rows.problem = unsaved
    return rows


class _Body:
    """The rows below the header; `damage` tells afterwards whether the sheet could be read to its end."""

    def __init__(self, columns: list[str], used: list[bool]) -> None:
        self.damage: str | None = None
        self.count = 0
        self._columns = columns
        self._used = used

    def rows(self, numbered: Iterator[tuple[int, tuple[Any, ...]]]) -> Iterator[tuple[object, ...]]:
        """Yield what `source_rows` takes; empty rows are no rows."""
        number = looked_at = 0
        try:
            for number, cells in numbered:
                looked_at += len(cells) + 1
                if looked_at > _MOST_CELLS:
                    self.damage = f"The sheet has more than {_MOST_CELLS:,} cells, most of them empty."
                    return
                texts = [_text(cell) for cell in cells]
                if any(texts):
                    self.count += 1
                    yield self._row(number, cells, texts)
        except _DAMAGE as error:
            self.damage = f"The workbook is damaged after row {number} of the sheet ({type(error).__name__})."

    def _row(self, number: int, cells: tuple[Any, ...], texts: list[str | None]) -> tuple[object, ...]:
        width = len(self._columns)
        problem = remedy = None
        for cell, used in zip(cells, self._used, strict=False):
            if used and cell.data_type == "e":
                problem = f"the cell {cell.coordinate} holds the error {cell.value}"
                remedy = "Correct its formula in the workbook."
                break
        beyond = next((cell for cell, text in zip(cells[width:], texts[width:], strict=True) if text), None)
        if problem is None and beyond is not None:
            problem = f"the cell {beyond.coordinate} holds a value, and its column has no header"
            remedy = "Name the column in the header, or empty the cell."
        if problem is None:
            return (number, None, None, None, *texts[:width], *([None] * (width - len(texts))))
        shown = dict(zip(self._columns, texts, strict=False))
        raw = json.dumps({name: text and writable(text) for name, text in shown.items()}, ensure_ascii=False)
        return (number, problem, remedy, raw, *([None] * width))


def _used(columns: list[str], source: SourceConfig) -> list[bool]:
    """Tell for each column whether the mapping reads it, so that an error elsewhere costs no row."""
    origins = {name for mapping in source.columns.values() for name in mapping.origins}
    expressions = " ".join(source.expressions.values()).casefold()
    return [name in origins or name.casefold() in expressions for name in columns]


def _text(cell: Any) -> str | None:
    """Return a cell's value as text: dates in ISO 8601, numbers as short as the spreadsheet program shows them."""
    value = cell.value
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        only_date = value.time() == time() and is_datetime(cell.number_format) == "date"
        return value.date().isoformat() if only_date else value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return str(value)


def _number(value: float) -> str:
    """Return a number with the 15 digits that a spreadsheet keeps; more of them are noise of the binary fraction."""
    text = format(value, f".{_MAX_DIGITS}g")
    return format(Decimal(text), "f") if "e" in text else text


@contextmanager
def _sheet(path: Path, name: str | None) -> Iterator[Any]:
    """Yield the sheet of that name, or the first one that is not hidden."""
    with path.open("rb") as file, warnings.catch_warnings():
        # It warns of styles and extensions that are of no interest here.
        warnings.simplefilter("ignore", UserWarning)
        try:
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except _DAMAGE as error:
            raise _unreadable(error) from None
        sheets = {sheet.title: sheet for sheet in workbook.worksheets}
        # People hide what is not for others to read: lists of choices, the calculation before the last.
        shown = next((sheet for sheet in sheets.values() if sheet.sheet_state == "visible"), None)
        sheet = sheets.get(name) if name else shown
        if sheet is None:
            close = difflib.get_close_matches(name or "", sheets, n=1, cutoff=0.5)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            problem = f"The workbook has no sheet '{name}'. It has: {', '.join(sheets)}.{hint}"
            raise Refused(problem, "Correct read.sheet of this source in pipeline.yml.")
        # Some programs write a wrong size of the sheet; without it, all rows are read.
        sheet.reset_dimensions()
        yield sheet
        workbook.close()


def _unreadable(error: BaseException) -> Refused:
    problem = f"The file cannot be read as an Excel workbook ({type(error).__name__})."
    return Refused(problem, "Deliver it again as .xlsx, or set read.format to what it is.")


def _refuse_other_formats(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_CHUNK)
        if not head:
            raise Refused("The file is empty.", "Deliver the file again, with at least its header row.")
        if not head.startswith(_OLD_OR_ENCRYPTED):
            return
        while head and _ENCRYPTED not in head:
            head = head[-len(_ENCRYPTED) :] + more if (more := file.read(_CHUNK)) else b""
    if head:
        raise Refused("The workbook is encrypted.", "Save it without a password.")
    raise Refused("The file is an Excel workbook in the old format (.xls).", "Save it as .xlsx, or export it as CSV.")


def _refuse_unusable_parts(path: Path, limit: float) -> None:
    """Look at the list of a workbook's parts before any of them is unpacked.

    The packing of XML makes it ten to thirty times smaller, and a sheet of empty cells sixty times. A part that is
    hundreds of times smaller is made to fill the memory of whoever opens it.

    Raises:
        Refused: if parts are encrypted, packed in a way that nobody here knows, or larger than a workbook can be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except _DAMAGE as error:
        raise _unreadable(error) from None
    if any(part.flag_bits & 1 for part in parts):
        raise Refused("The workbook is encrypted.", "Save it without a password.")
    if any(part.compress_type not in _PACKED for part in parts):
        raise Refused("The workbook is packed in a way that cannot be read.", "Save it in a spreadsheet program.")
    if sum(part.file_size for part in parts) > limit * 1e9:
        raise beyond_limit(limit)
    if any(part.file_size > max(_MOST_SUSPICIOUS, _MOST_PACKED * part.compress_size) for part in parts):
        raise Refused("Parts of the workbook unpack to hundreds of times their size.", "Export the sheet as CSV.")


def _unsaved_formulas(path: Path) -> str | None:
    """Tell whether formulas hold no saved result: a program wrote them that does not calculate.

    Raises:
        Refused: if the number of a row is beyond all sheets: whoever counts to it counts for days.
    """
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                continue
            with archive.open(name) as sheet:
                text = b""
                while chunk := sheet.read(_CHUNK):
                    text = text[-_LONGEST_CELL:] + chunk
                    if _ROW_BEYOND.search(text):
                        problem = f"A row of the workbook has a number above {_LAST_ROW:,}."
                        raise Refused(problem, "Save it in a spreadsheet program, or export it as CSV.")
                    if _UNSAVED_FORMULA.search(text):
                        return (
                            "Some formulas of the workbook hold no result and were read as empty. "
                            "Open it in a spreadsheet program, save it, and deliver it again."
                        )
    return None
