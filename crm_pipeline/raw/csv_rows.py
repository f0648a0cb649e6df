"""Careful reading of CSV: row by row, with exact line numbers, so that one bad row costs one row.

It is the slow path, taken when a file does not parse cleanly as a whole.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crm_pipeline.raw.textfile import MAX_LINE, UNDECODABLE

_MAX_LINES_OF_A_ROW = 1000
_UNFINISHED = "unexpected end of data"
csv.field_size_limit(MAX_LINE)


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its fields, or the problem with it."""

    line: int
    fields: list[str]
    text: str = ""
    problem: str | None = None
    remedy: str | None = None


def records(lines: Iterator[tuple[int, str]], delimiter: str, quote: str, width: int | None) -> Iterator[Record]:
    """Yield the rows of a CSV file; blank lines are no rows.

    A quoted value may span lines. Where a quote is never closed, only the line that opens it is given up, and reading
    goes on with the next line.

    Args:
        lines: numbered physical lines with their line ends.
        delimiter: character between fields.
        quote: character around quoted fields.
        width: fields that each row must have; None where any number will do.
    """
    given_back: deque[tuple[int, str]] = deque()

    def following() -> tuple[int, str] | None:
        return given_back.popleft() if given_back else next(lines, None)

    while (start := following()) is not None:
        number, text = start
        if not text.strip("\r\n "):
            continue
        fields, error = _parse([text], delimiter, quote)
        taken: list[tuple[int, str]] = []
        if error == _UNFINISHED:
            fields, error = _span(text, following, taken, delimiter, quote)
        if width is not None and len(fields) == width + 1 and not fields[-1]:
            # A delimiter behind the last value ends it, as DuckDB has it too.
            fields.pop()
        if taken and (error or (width is not None and len(fields) != width)):
            given_back.extendleft(reversed(taken))
            fields, error = [], error or _UNFINISHED
        yield _record(number, fields, text, error, width)


def _span(
    text: str, following: Callable[[], tuple[int, str] | None], taken: list[tuple[int, str]], delimiter: str, quote: str
) -> tuple[list[str], str | None]:
    """Take lines until the open quote is closed; `taken` tells which, so that they can be given back."""
    buffer, size = [text], len(text)
    while len(buffer) < _MAX_LINES_OF_A_ROW and size < MAX_LINE:
        line = following()
        if line is None:
            break
        taken.append(line)
        buffer.append(line[1])
        size += len(line[1])
        if quote in line[1]:
            fields, error = _parse(buffer, delimiter, quote)
            if error != _UNFINISHED:
                return fields, error
    return [], _UNFINISHED


def _record(number: int, fields: list[str], text: str, error: str | None, width: int | None) -> Record:
    problem = remedy = None
    if len(text) >= MAX_LINE:
        problem, remedy = f"the line is longer than {MAX_LINE:,} characters", "Check the line ends of the file."
    elif error == _UNFINISHED:
        problem, remedy = "a quote is opened and never closed", "Close the quote, or double it inside a quoted value."
    elif error:
        problem, remedy = "a quoted value goes on after its closing quote", "Double each quote inside a quoted value."
    elif UNDECODABLE in text:
        problem, remedy = "bytes that are not of the file's encoding", "Set read.encoding to the encoding of the file."
    elif "\0" in text:
        problem, remedy = "a NUL character in the line", "Deliver the file again."
    elif width is not None and len(fields) != width:
        problem = f"{len(fields)} fields where the header has {width}"
        remedy = "Quote values that contain the delimiter, or correct read.delimiter."
    return Record(number, fields, text, problem, remedy)


def _parse(buffer: list[str], delimiter: str, quote: str) -> tuple[list[str], str | None]:
    try:
        rows = list(csv.reader(buffer, delimiter=delimiter, quotechar=quote, strict=True))
    except csv.Error as error:
        return [], _UNFINISHED if _UNFINISHED in str(error) else str(error)
    return (rows[0], None) if len(rows) == 1 else ([], "line end inside a row")
