"""Reads the rows of a sheet one by one, in bounded memory: each cell as its text."""

import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import openpyxl
from openpyxl.styles.numbers import is_datetime
from openpyxl.utils.datetime import from_excel

from crm_pipeline.raw.excel.parts import DAMAGE, EASTERN_DATES, Sheet, Workbook, unreadable
from crm_pipeline.raw.excel.texts import CellError, text_of, unescaped

Rows = Iterator[list[str | None]]


def streamed_rows(book: Workbook, sheet: Sheet) -> Rows:
    """Yield all rows of a sheet, the empty ones too.

    Raises:
        Refused: if the workbook cannot be opened; what is damaged further on raises one of `DAMAGE`.
    """
    with book.path.open("rb") as file, warnings.catch_warnings():
        # It warns of styles and extensions that are of no interest here.
        warnings.simplefilter("ignore", UserWarning)
        try:
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            cells = workbook[sheet.name]
        except DAMAGE as error:
            raise unreadable(error) from None
        # Some programs write a wrong size of the sheet; without it, all rows are read.
        cells.reset_dimensions()
        for row in cells.iter_rows():
            yield [_text(cell, workbook.epoch) for cell in row]
        workbook.close()


def _text(cell: Any, epoch: datetime) -> str | None:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "e":
        return CellError(value)
    if isinstance(value, str):
        return unescaped(value) or None
    if isinstance(value, datetime):
        return text_of(value, is_datetime(cell.number_format) == "date")
    if cell.data_type == "n" and cell.style_array.numFmtId in EASTERN_DATES:
        try:
            return text_of(from_excel(value, epoch))
        except (OverflowError, ValueError):
            return CellError("#VALUE!")
    return text_of(value)
