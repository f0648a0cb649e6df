"""What a delivery says of records without carrying a row of them: a small Parquet file beside its batch.

A later load needs it: a file that is read again must not bring back what a later delivery has deleted or did not hold
any more, and a full delivery takes nobody for gone whose row it merely could not use.
"""

from pathlib import Path

import duckdb

from crm_pipeline.config.contract import Contract
from crm_pipeline.raw.batch_files import write
from crm_pipeline.storage.sql import literal, quoted

MARKS = "marks"
DELETED = "deleted"
HELD = "held"
UNKNOWN = "unknown"
"""The record is deleted; a full delivery holds it; a full delivery has a row that does not say whose it is."""


def write_marks(
    con: duckdb.DuckDBPyConnection, contract: Contract, delivery: int, marked: dict[str, str], target: Path
) -> None:
    """Write the marks of a delivery; none is written where there are none.

    Args:
        con: holds what the queries read.
        contract: its record key tells which record is meant.
        delivery: number of the delivery.
        marked: mark -> query for rows with the columns of the record key.
        target: the file.
    """
    key = ", ".join(
        f"{quoted(name)}::{contract.column(name).physical_type} as {quoted(name)}" for name in contract.record_key
    )
    parts = [
        f"select distinct {key}, {literal(mark)} as mark, {delivery}::bigint as _delivery from ({rows})"
        for mark, rows in marked.items()
    ]
    if parts:
        write(con, " union all ".join(parts), target)
