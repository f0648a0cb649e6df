"""Files to disk, byte for byte the same for the same content."""

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.lake import atomic_file
from crm_pipeline.sample.tables import SourceFile

DECIMALS = ("unit_price", "discount")
WHOLE = ("line", "quantity")


def write_source(file: SourceFile, folder: Path) -> Path:
    """Write one landing file into a dataset folder."""
    target = folder / file.path
    with atomic_file(target) as building:
        if file.form == "parquet":
            pq.write_table(_typed(file.rows), building, compression="zstd", compression_level=9)
        else:
            text = "\n".join(file.lines()) + "\n"
            # Without a time stamp in the header, the same rows give the same bytes.
            building.write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))
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
    columns = {}
    for name in rows.columns:
        texts = pa.array(rows[name].tolist(), pa.string())
        if name in DECIMALS:
            columns[name] = texts.cast(pa.decimal128(10, 2))
        else:
            columns[name] = texts.cast(pa.int32()) if name in WHOLE else texts
    return pa.table(columns)
