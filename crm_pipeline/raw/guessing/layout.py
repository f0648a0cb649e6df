"""How a file is to be read, told by its first bytes: format, encoding, delimiter, line of the header."""

import os
from collections import Counter
from itertools import islice
from pathlib import Path

from crm_pipeline.raw.csv_rows import records
from crm_pipeline.raw.guessing.encoding import encoding_of
from crm_pipeline.raw.guessing.head import first_bytes
from crm_pipeline.raw.guessing.sheets import guess_sheet, header_line
from crm_pipeline.raw.header_place import LOOKED_AT
from crm_pipeline.raw.json_file import holds_lines
from crm_pipeline.raw.readers import FORMAT_OF_SUFFIX
from crm_pipeline.raw.textfile import plain_suffix, usual_delimiter

_LOOKED_AT = 1 << 18
_LINES = 200
_DELIMITERS = (",", ";", "\t", "|")
_MOSTLY = 0.8


def data_files(folder: Path) -> list[Path]:
    """Return the files of a dataset folder whose suffix is that of a format that can be read."""
    root = folder / "landing" if (folder / "landing").is_dir() else folder
    found = [Path(parent) / name for parent, _, names in os.walk(root) for name in names if not name.startswith(".")]
    return sorted(path for path in found if plain_suffix(path) in FORMAT_OF_SUFFIX)


def guess_read(path: Path) -> dict[str, str | int]:
    """Return the options under `read` with which a file can be read; those that are the defaults are left out.

    Raises:
        OSError: if the file cannot be opened.
    """
    head = first_bytes(path, _LOOKED_AT)
    encoding = encoding_of(path).name
    kind = _guess_format(head, encoding)
    suffix_kind = FORMAT_OF_SUFFIX.get(plain_suffix(path))
    # A file named JSON lines that holds a single one looks like a document, and one named a document may hold lines.
    alike = {kind, suffix_kind} == {"json", "jsonl"} and not head.lstrip().startswith(b"[")
    guess: dict[str, str | int] = {} if kind == suffix_kind or alike else {"format": kind}
    if kind in ("parquet", "excel"):
        return guess | (guess_sheet(path) if kind == "excel" else {})
    if encoding != "utf-8":
        guess["encoding"] = encoding
    if kind == "csv":
        text = head.decode(encoding, errors="replace")
        delimiter, header_row = guess_table(text)
        header_row = header_line(_first_lines(text, delimiter or usual_delimiter(path)), header_row)
        if delimiter not in (None, usual_delimiter(path)):
            guess["delimiter"] = str(delimiter)
        if header_row > 1:
            guess["header_row"] = header_row
    return guess


def _first_lines(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    lines = enumerate(text.removeprefix("\ufeff").splitlines(keepends=True), start=1)
    return [
        (row.line, row.fields) for row in records(islice(lines, LOOKED_AT), delimiter, '"', None) if not row.problem
    ]


def guess_table(text: str) -> tuple[str | None, int]:
    """Return the delimiter of a CSV text (None where it has one column) and the line of its header."""
    lines = list(islice(enumerate(text.removeprefix("\ufeff").splitlines(keepends=True), start=1), _LINES))
    if len(lines) < _LINES:
        lines = lines[: len(lines) - (not text.endswith(("\n", "\r"))) or None]
    best: tuple[float, str | None, int] = (0, None, 1)
    for delimiter in _DELIMITERS:
        rows = [(row.line, len(row.fields)) for row in records(iter(lines), delimiter, '"', None) if not row.problem]
        if not rows:
            continue
        width, times = Counter(width for _, width in rows).most_common(1)[0]
        header_row = _header_row(rows, width)
        table = [fields for line, fields in rows if line >= header_row]
        score = width * times / len(table)
        if width > 1 and times >= _MOSTLY * len(table) and score > best[0]:
            best = (score, delimiter, header_row)
    return best[1], best[2]


def _header_row(rows: list[tuple[int, int]], width: int) -> int:
    """Return the line of the first row of full width where narrower ones stand before it, such as a title."""
    first = next(line for line, fields in rows if fields == width)
    before = [fields for line, fields in rows if line < first]
    return first if before and max(before) <= width / 2 else 1


def _guess_format(head: bytes, encoding: str) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04"):
        return "excel"
    start = head.decode(encoding, errors="ignore").removeprefix("\ufeff").lstrip()[:1]
    if start == "{" and holds_lines(head, encoding):
        return "jsonl"
    return "json" if start in ("{", "[") and start else "csv"
