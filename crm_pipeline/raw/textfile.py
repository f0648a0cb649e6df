"""Text files as they really arrive: gzipped or not, cut off, in some encoding, with overlong lines.

Everything here streams; no function holds more than one line or one chunk of a file.
"""

import codecs
import gzip
import io
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

#: Stands for each byte that the encoding cannot mean; no decoder yields it by itself.
UNDECODABLE = "\udcff"
MAX_LINE = 4_000_000
_MOST_BLANK = 2_000_000
#: Encodings of Python that are made for names of hosts and its own notations.
_NO_TEXT = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "raw-unicode-escape", "unicode-escape")
_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; set read.format to excel if it is a workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; export it as CSV",
    b"%PDF": "a PDF document; export the data as CSV",
    b"PAR1": "a Parquet file; set read.format to parquet",
    b"SQLi": "an SQLite database; export the table as CSV",
}


def plain_suffix(path: Path) -> str:
    """Return the suffix of a file in lower case, without that of a gzipped one."""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def usual_delimiter(path: Path) -> str:
    """Return what divides the columns of a CSV file that says nothing else: tabs in a .tsv, else commas."""
    return "\t" if plain_suffix(path) == ".tsv" else ","


class Refused(Exception):  # noqa: N818 - an outcome of reading, not a defect
    """A file of which no row can be used."""

    def __init__(self, problem: str, remedy: str, rows: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.rows = rows


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error("crm_undecodable", _mark_undecodable)


class SalvageStream(io.RawIOBase):
    """The unpacked bytes of a file; where the packed data breaks off, the stream ends and says why."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.damage: str | None = None
        self._file: IO[bytes] = path.open("rb")
        gzipped = self._file.read(2) == _GZIP_MAGIC
        self._file.seek(0)
        self._data: Any = gzip.GzipFile(fileobj=self._file) if gzipped else self._file

    def readable(self) -> bool:
        """Tell that the stream can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with the next bytes; 0 at the end or where the compressed data breaks off."""
        if self.damage:
            return 0
        try:
            data: bytes = (
                self._data.read1(len(buffer)) if self._data is not self._file else self._file.read(len(buffer))
            )
        except EOFError:
            self.damage = "the compressed data ends too early"
            return 0
        except (OSError, zlib.error) as error:
            self.damage = f"the compressed data is damaged ({type(error).__name__})"
            return 0
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


@dataclass(frozen=True)
class Scan:
    """What a pass over a file's bytes tells, before it is parsed.

    `plain` says that lines end in one of the two usual ways and no NUL is in them; `blank` counts empty lines, of
    those that follow one another every second one.
    """

    size: int
    lines: int
    blank: int
    plain: bool
    damage: str | None
    head: bytes


def scan(path: Path, unpacked_limit: float = math.inf) -> Scan:
    """Count the lines of a (possibly gzipped) file and look for damage.

    Raises:
        Refused: if it unpacks to more gigabytes than the limit; no more of it is unpacked.
    """
    size = newlines = returns = pairs = nulls = blank = 0
    head, last = b"", b""
    with SalvageStream(path) as stream, io.BufferedReader(stream, _CHUNK) as reader:
        while chunk := reader.read(_CHUNK):
            head = head or chunk[:65536]
            size += len(chunk)
            if size > unpacked_limit * 1e9:
                raise beyond_limit(unpacked_limit)
            blank += chunk.count(b"\n\n") + chunk.count(b"\n\r\n")
            newlines += chunk.count(b"\n")
            returns += chunk.count(b"\r")
            nulls += chunk.count(b"\0")
            pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            last = chunk[-1:]
        damage = stream.damage
    return Scan(size, newlines + (last not in (b"", b"\n")), blank, returns == pairs and not nulls, damage, head)


def refuse_unusable(found: Scan, encoding: str) -> None:
    """Stop at a file that holds no text.

    Raises:
        Refused: if the file is empty or binary, if it cannot be unpacked to its end: a part of a delivery looks like
            a whole one in which orders are missing; or if it is millions of empty lines.
    """
    if found.damage and not found.size:
        raise Refused(f"The file cannot be unpacked: {found.damage}.", "Deliver the file again.")
    if found.damage:
        raise Refused(f"The file is incomplete: {found.damage}.", "Deliver it again, whole.", found.lines)
    if found.size == 0:
        raise Refused("The file is empty.", "Deliver the file again, with at least its header line.")
    if found.blank > _MOST_BLANK:
        problem = f"The file holds more than {_MOST_BLANK:,} empty lines."
        raise Refused(problem, "Deliver it without them.", found.lines)
    if not encodes_files(encoding):
        problem = f"'{encoding}' (read.encoding) is no encoding of text files."
        raise Refused(problem, "Set read.encoding to one such as utf-8, cp1252 or utf-16.", found.lines)
    for magic, what in _FOREIGN.items():
        if found.head.startswith(magic):
            kind, remedy = what.split("; ")
            raise Refused(f"The file is not a text file but {kind}.", f"{remedy[0].upper()}{remedy[1:]}.")
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    if not wide and found.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refused(
            "The file is in UTF-16.", "Set read.encoding to utf-16 for this source in pipeline.yml.", found.lines
        )
    if not wide and _is_binary(found.head):
        raise Refused("The file is binary, not text.", "Export the data as CSV, JSON lines or Parquet.")


def encodes_files(encoding: str) -> bool:
    """Tell whether an encoding that Python knows is one of text files."""
    try:
        return codecs.lookup(encoding).name not in _NO_TEXT and "a\n".encode(encoding).decode(encoding) == "a\n"
    except (LookupError, ValueError):
        return False


def beyond_limit(gigabytes: float) -> Refused:
    """Return the refusal of an archive that unpacks to too much."""
    problem = f"It unpacks to more than {gigabytes:g} GB."
    return Refused(problem, "If that is right, raise read.unpacked_limit of this source in pipeline.yml.")


def _is_binary(head: bytes) -> bool:
    """Tell binary data from text with a stray NUL, which costs its row only."""
    nulls = head.count(b"\0")
    # The head may end within a character.
    return nulls > len(head) / 20 or (nulls > 0 and "\ufffd" in head[:-4].decode("utf-8", errors="replace"))


@contextmanager
def numbered_lines(path: Path, encoding: str) -> Iterator[Iterator[tuple[int, str]]]:
    """Yield an iterator over (line number, text with its line end)."""
    with text_stream(path, encoding) as text:
        yield _lines(text)


@contextmanager
def text_stream(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Yield the text of a file."""
    with SalvageStream(path) as stream, io.BufferedReader(stream, _CHUNK) as reader:
        yield io.TextIOWrapper(reader, encoding=encoding, errors="crm_undecodable", newline="")


def _lines(text: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        whole = line
        while len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            line = text.readline(MAX_LINE)
        yield number, whole.removeprefix("\ufeff") if number == 1 else whole


def transcode(path: Path, encoding: str, target: Path) -> bool:
    """Write the file as UTF-8 to `target`; False if it holds bytes that the encoding cannot mean, or is damaged."""
    with SalvageStream(path) as stream, io.BufferedReader(stream, _CHUNK) as reader, target.open("wb") as output:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            while chunk := reader.read(_CHUNK):
                output.write(decoder.decode(chunk).encode("utf-8"))
            output.write(decoder.decode(b"", final=True).encode("utf-8"))
        except UnicodeError:
            return False
        return stream.damage is None
