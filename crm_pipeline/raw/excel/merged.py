"""Merged cells of several rows: the first one holds the value, and whether it counts for the others must be said."""

from openpyxl.utils import get_column_letter

from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.excel.scan import Block
from crm_pipeline.raw.header_place import line_to_write


class MergedCells:
    """The merged cells among the rows of a sheet, as they are read from top to bottom."""

    def __init__(self, blocks: tuple[Block, ...], source: SourceConfig, used: list[bool]) -> None:
        self._blocks = [block for block in blocks if block.last_row > source.read.header_row]
        self._source = source
        self._used = used
        self._open: list[tuple[Block, str]] = []
        self._next = 0
        self._met: dict[Block, None] = {}

    def filled(self, number: int, texts: list[str | None]) -> list[str | None]:
        """Return a row that has values, with those of merged cells above it where they count for each row."""
        if self._next == len(self._blocks) and not self._open:
            return texts
        self._open = [(block, text) for block, text in self._open if block.last_row >= number]
        for block, text in self._open:
            position = block.column - 1
            if position < len(self._used) and self._used[position]:
                self._met[block] = None
            if self._source.read.merged_cells == "all":
                texts += [None] * (block.column - len(texts))
                texts[position] = text
        self._begin(number, texts)
        return texts

    def _begin(self, number: int, texts: list[str | None]) -> None:
        while self._next < len(self._blocks) and self._blocks[self._next].first_row <= number:
            block = self._blocks[self._next]
            self._next += 1
            text = texts[block.column - 1] if block.column <= len(texts) else None
            if block.first_row == number and text:
                self._open.append((block, text))

    def problem(self, columns: list[str]) -> str | None:
        """Name the merged cells of which nobody has said for which rows they count."""
        if not self._met or self._source.read.merged_cells:
            return None
        first = next(iter(self._met))
        letter = get_column_letter(first.column)
        count = len(self._met)
        more = f" and {count - 1:,} more" if count > 1 else ""
        where = f"{letter}{first.first_row}:{letter}{first.last_row} ({columns[first.column - 1]}){more}"
        return (
            f"The merged cells {where} hold one value for several rows, and all but the first are empty there. "
            f"If it is meant for each of them: {line_to_write(self._source, {'merged_cells': 'all'})} "
            "Otherwise write `merged_cells: first` there."
        )
