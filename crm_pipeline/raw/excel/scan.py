"""What the XML of a sheet tells before its rows are read: formulas without a result, merged cells, absurd numbers."""

import re
import zipfile
from dataclasses import dataclass

from openpyxl.utils import range_boundaries

from crm_pipeline.raw.excel.parts import DAMAGE, Sheet, Workbook, unreadable
from crm_pipeline.raw.textfile import Refused

_CHUNK = 1 << 20
_UNSAVED_FORMULA = re.compile(rb'<c (?![^>]*t="str")[^>]*>(<f[^>]*>[^<]*</f>|<f[^>]*/>)(<v></v>|<v ?/>)?</c>')
_LONGEST_CELL = 16_384
_LAST_ROW = 9_999_999
_ROW_BEYOND = re.compile(rb'<row [^>]*\br="0*[1-9]\d{7,}"')
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_UNSAVED = (
    "Some formulas of the workbook hold no result and were read as empty. "
    "Open it in a spreadsheet program, save it, and deliver it again."
)


@dataclass(frozen=True)
class Block:
    """Cells of several rows that are merged into one; its first column holds the value."""

    column: int
    first_row: int
    last_row: int


@dataclass(frozen=True)
class SheetScan:
    """What is wrong with a sheet as a whole, and the merged cells of several rows, from top to bottom."""

    problem: str | None
    blocks: tuple[Block, ...]


def scan_sheet(book: Workbook, sheet: Sheet) -> SheetScan:
    """Look through the XML of a sheet.

    Raises:
        Refused: if it cannot be unpacked, or the number of a row is beyond all sheets: whoever counts to it counts for
            days.
    """
    try:
        return _scan(book, sheet)
    except DAMAGE as error:
        raise unreadable(error) from None


def _scan(book: Workbook, sheet: Sheet) -> SheetScan:
    text, problem, merged = b"", None, dict[bytes, None]()
    with zipfile.ZipFile(book.path) as archive, archive.open(sheet.part) as part:
        while chunk := part.read(_CHUNK):
            text = text[-_LONGEST_CELL:] + chunk
            if _ROW_BEYOND.search(text):
                beyond = f"A row of the workbook has a number above {_LAST_ROW:,}."
                raise Refused(beyond, "Save it in a spreadsheet program, or export it as CSV.")
            if problem is None and b"<f" in text and _UNSAVED_FORMULA.search(text):
                problem = _UNSAVED
            if b"mergeCell " in text:
                merged |= dict.fromkeys(_MERGED.findall(text))
    bounds = [range_boundaries(place.decode()) for place in merged]
    blocks = [Block(left, top, bottom) for left, top, _, bottom in bounds if bottom > top]
    return SheetScan(problem, tuple(sorted(blocks, key=lambda block: (block.first_row, block.column))))
