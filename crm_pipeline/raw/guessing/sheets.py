"""Which sheet of a workbook, and which line of a table, holds the header: the one that names most columns."""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

from crm_pipeline.config.reading import ReadOptions
from crm_pipeline.raw.excel.parts import Sheet, open_workbook
from crm_pipeline.raw.excel.places import first_rows
from crm_pipeline.raw.guessing.words import spellings_of, vocabularies
from crm_pipeline.raw.header import looks_like_data
from crm_pipeline.raw.textfile import Refused

_LONGEST_NAME = 60
Rows = Sequence[tuple[int, Sequence[str | None]]]


def guess_sheet(path: Path) -> dict[str, str | int]:
    """Return the sheet and the row of the header of a workbook, where they are not the first ones."""
    try:
        book = open_workbook(path, ReadOptions().unpacked_limit)
    except Refused:
        return {}
    best: tuple[int, Sheet, int] | None = None
    for sheet in book.shown or book.sheets:
        rows = first_rows(book, sheet)
        row = header_line(rows, _first_wide(rows))
        names = {number: _known(cells) for number, cells in rows}.get(row, 0)
        # Without any known name the first sheet with a table is as good as any other.
        score = 2 * names + (len(rows) > 1 and _width(rows) > 1)
        if best is None or score > best[0]:
            best = (score, sheet, row)
    if best is None:
        return {}
    guess: dict[str, str | int] = {} if [best[1]] == book.shown[:1] else {"sheet": best[1].name}
    return guess | ({"header_row": best[2]} if best[2] > 1 else {})


def header_line(rows: Iterable[tuple[int, Sequence[str | None]]], default: int) -> int:
    """Return the line that names more columns, as any language calls them, than the one that is taken by default."""
    known = {number: _known(cells) for number, cells in rows}
    best = max(known, key=lambda number: known[number], default=default)
    return best if known.get(best, 0) > known.get(default, 0) else default


def _first_wide(rows: Rows) -> int:
    """Return the first row that is as wide as the table, where narrow ones such as a title stand before it."""
    widest = _width(rows)
    first = next((number for number, cells in rows if _filled(cells) == widest), 1)
    before = [_filled(cells) for number, cells in rows if number < first]
    return first if before and max(before) <= widest / 2 else 1


def _width(rows: Rows) -> int:
    return max((_filled(cells) for _, cells in rows), default=0)


def _filled(cells: Sequence[str | None]) -> int:
    return sum(bool(cell and cell.strip()) for cell in cells)


def _known(cells: Sequence[str | None]) -> int:
    """Count the cells that are called like a column; none in a line that holds values, or hardly any name."""
    names = {cell.strip() for cell in cells if cell and cell.strip()}
    if looks_like_data([*names]) or any(len(name) > _LONGEST_NAME for name in names):
        return 0
    known = sum(not spellings_of(name).isdisjoint(_spellings()) for name in names)
    return known if known > 2 or known == 2 <= len(names) <= 4 else 0


@functools.cache
def _spellings() -> frozenset[str]:
    return frozenset().union(*(vocabulary.spellings for vocabulary in vocabularies().values()))
