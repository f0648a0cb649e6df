"""The beginning of a file as a file of its own, so that looking at a big one takes no longer than at a small one."""

import io
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.raw.textfile import SalvageStream, plain_suffix

HEAD_ROWS = 1_000
_HEAD_BYTES = 8 << 20
_LINE_END = re.compile(r"\r\n|\n|\r")


def first_bytes(path: Path, size: int = _HEAD_BYTES) -> bytes:
    """Return the first bytes of a (possibly gzipped) file, as far as it can be unpacked."""
    with SalvageStream(path) as stream, io.BufferedReader(stream, 1 << 20) as reader:
        return reader.read(size)


def head_of(path: Path, kind: str, encoding: str, quote: str, work: Path) -> Path:
    """Return a file with the first rows of `path`, made in `work`; `path` itself where it is that short.

    JSON documents and workbooks cannot be cut and are returned as they are.

    Args:
        path: the file.
        kind: its format, as `read.format` names it.
        encoding: character encoding, where it is text.
        quote: character around quoted values, between which a line end ends no row.
        work: folder for the new file.
    """
    if kind == "parquet":
        return _head_of_parquet(path, work)
    if kind not in ("csv", "jsonl"):
        return path
    data = first_bytes(path, _HEAD_BYTES + 1)
    # Latin-1 keeps each byte; an encoding of wide characters has to be decoded to find the line ends.
    wide = "16" in encoding or "32" in encoding
    text = data.decode(encoding if wide else "latin-1", errors="replace")
    rows, end = _whole_rows(text, quote if kind == "csv" else "")
    if end == 0 or (rows <= HEAD_ROWS and len(data) <= _HEAD_BYTES):
        return path
    head = work / f"head{plain_suffix(path)}"
    head.write_bytes(text[:end].encode(encoding if wide else "latin-1"))
    return head


def _whole_rows(text: str, quote: str) -> tuple[int, int]:
    """Return how many rows beside the header are whole in a text, of those that are looked at, and where they end."""
    start = quotes = end = 0
    rows = -1
    for lines, line_end in enumerate(_LINE_END.finditer(text), start=1):
        quotes += text.count(quote, start, line_end.start()) if quote else 0
        start = line_end.end()
        # So many lines in one row are an unclosed quote, which is to be read and complained about.
        if quotes % 2 == 0 or lines > 3 * HEAD_ROWS:
            rows, end = rows + 1, start
        if rows == HEAD_ROWS:
            break
    return rows + (end < len(text)), end


def _head_of_parquet(path: Path, work: Path) -> Path:
    head = work / "head.parquet"
    try:
        with path.open("rb") as file:
            parquet = pq.ParquetFile(file)
            if parquet.metadata.num_rows <= HEAD_ROWS:
                return path
            with pq.ParquetWriter(head, parquet.schema_arrow) as writer:
                writer.write_batch(next(parquet.iter_batches(batch_size=HEAD_ROWS)))
    except (pa.ArrowException, OSError):
        return path
    return head
