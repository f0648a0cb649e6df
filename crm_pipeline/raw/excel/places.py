"""The header of a sheet under merged cells, and the sheet and row of a workbook where a source's header really is."""

from collections.abc import Iterator
from itertools import islice

from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.excel.fast import fast_rows
from crm_pipeline.raw.excel.parts import DAMAGE, Sheet, Workbook
from crm_pipeline.raw.excel.scan import Block, scan_sheet
from crm_pipeline.raw.excel.streamed import streamed_rows
from crm_pipeline.raw.header_place import LOOKED_AT, best_line, fit, is_better, line_to_write, wanted_names
from crm_pipeline.raw.textfile import Refused

NumberedRows = Iterator[tuple[int, list[str | None]]]


def sheet_rows(book: Workbook, sheet: Sheet) -> NumberedRows:
    """Yield the rows of a sheet as texts, by the reader that suits its size."""
    return enumerate(fast_rows(book, sheet) or streamed_rows(book, sheet), start=1)


def first_rows(book: Workbook, sheet: Sheet) -> list[tuple[int, list[str | None]]]:
    """Return the first rows of a sheet, those of merged cells with the names that stand above them; none if damaged."""
    try:
        blocks = scan_sheet(book, sheet).blocks
        rows = list(islice(sheet_rows(book, sheet), LOOKED_AT))
    except (*DAMAGE, Refused):
        return []
    return [(number, with_names_above(cells, number, rows, blocks)) for number, cells in rows]


def with_names_above(
    cells: list[str | None], number: int, rows: list[tuple[int, list[str | None]]], blocks: tuple[Block, ...]
) -> list[str | None]:
    """Return a row in which merged cells that begin above it have their value: in two header rows it is a name."""
    named = list(cells)
    for block in blocks:
        if block.first_row < number <= block.last_row and block.column <= len(named) and not named[block.column - 1]:
            above = next((row for above, row in rows if above == block.first_row), [])
            named[block.column - 1] = above[block.column - 1] if block.column <= len(above) else None
    return named


def better_place(book: Workbook, chosen: Sheet, here: int, source: SourceConfig) -> Refused | None:
    """Return the refusal that names the line of pipeline.yml to write; None where the columns are nowhere else.

    Args:
        book: the workbook.
        chosen: the sheet that was read.
        here: how many of the required columns its header has.
        source: says which columns are required.
    """
    wanted = wanted_names(source)
    found = []
    for sheet in sorted(book.sheets, key=lambda sheet: (sheet is not chosen, not sheet.visible)):
        count, row = best_line(first_rows(book, sheet), wanted)
        if is_better(count, here, wanted):
            found.append((count, sheet, row))
    if not found:
        return None
    most = max(count for count, _, _ in found)
    places = [(sheet, row) for count, sheet, row in found if count == most]
    sheet, row = places[0]
    told, found_at = (
        f"row {source.read.header_row} of the sheet '{chosen.name}'",
        f"row {row} of the sheet '{sheet.name}'",
    )
    others = ", ".join(f"'{other.name}'" for other, _ in places[1:])
    also = f" They are in the sheets {others} too, each of which needs a source of its own." if others else ""
    options: dict[str, str | int] = {"header_row": row} if sheet is chosen else {"sheet": sheet.name, "header_row": row}
    return Refused(f"The columns are not in {told}, but in {found_at}.{also}", line_to_write(source, options))


def unread_sheets(book: Workbook, chosen: Sheet, row: int, source: SourceConfig) -> list[str]:
    """Return the other sheets that people see and that have all columns which a source requires, in the same row."""
    wanted = wanted_names(source)
    others = [sheet for sheet in book.shown if sheet is not chosen] if wanted else []
    return [
        sheet.name
        for sheet in others
        if any(number == row and fit(names, wanted) == len(wanted) for number, names in first_rows(book, sheet))
    ]
