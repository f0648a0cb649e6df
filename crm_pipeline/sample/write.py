"""Files to disk, byte for byte the same for the same content."""

import gzip
import io
import re
import zipfile
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

from crm_pipeline.sample.tables import SourceFile
from crm_pipeline.storage.lake import atomic_file

DECIMALS = ("unit_price", "discount")
WHOLE = ("line", "quantity")
# Workbooks and the archives that hold them carry times: always the same ones.
_SAVED = datetime(2026, 7, 1, 12, 0, 0)
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")


def write_source(file: SourceFile, folder: Path) -> Path:
    """Write one landing file into a dataset folder."""
    target = folder / file.path
    with atomic_file(target) as building:
        if file.form == "parquet":
            pq.write_table(_typed(file.rows), building, compression="zstd", compression_level=12)
        elif file.form == "xlsx":
            _write_workbook(file.rows, building)
        else:
            text = file.newline.join(file.lines()) + file.newline
            data = text.encode(file.encoding, errors="surrogateescape")
            # Without a time stamp in the header, the same rows give the same bytes.
            building.write_bytes(data if file.form == "json" else gzip.compress(data, compresslevel=5, mtime=0))
    return target


def write_text(text: str, target: Path) -> Path:
    """Write a text file."""
    with atomic_file(target) as building:
        building.write_text(text, encoding="utf-8", newline="\n")
    return target


def write_csv(table: pd.DataFrame, target: Path) -> Path:
    """Write a plain CSV file."""
    return write_text(table.to_csv(index=False, lineterminator="\n"), target)


def _typed(rows: pd.DataFrame) -> pa.Table:
    """Return rows as Arrow columns: those named above as numbers, others as what their values are."""
    columns = {}
    for name in rows.columns:
        values = pa.array(rows[name], from_pandas=True)
        if name in DECIMALS:
            values = values.cast(pa.decimal128(10, 2))
        elif name in WHOLE:
            values = values.cast(pa.int32())
        elif pa.types.is_null(values.type) or pa.types.is_large_string(values.type):
            values = values.cast(pa.string())
        columns[name] = values
    return pa.table(columns)


def _write_workbook(rows: pd.DataFrame, target: Path) -> None:
    """Write an Excel workbook with one sheet; empty cells where there is no value."""
    book = Workbook(write_only=True)
    book.properties.created = _SAVED
    sheet = book.create_sheet("Sheet1")
    sheet.append(list(rows.columns))
    for row in rows.astype(object).where(rows.notna(), None).itertuples(index=False):
        sheet.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer) as written, zipfile.ZipFile(target, "w") as packed:
        for name in written.namelist():
            content = _MODIFIED.sub(rb"\g<1>" + _SAVED.isoformat().encode() + b"Z", written.read(name))
            packed.writestr(zipfile.ZipInfo(name, _SAVED.timetuple()[:6]), content, zipfile.ZIP_DEFLATED, 6)
