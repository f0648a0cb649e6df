"""Rows dated later than the run that reads them: they wait beside their batch for the first run that is after that."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from crm_pipeline.config.contract import Contract
from crm_pipeline.raw.batch_files import conformed, files, write
from crm_pipeline.raw.ledger import LedgerEntry
from crm_pipeline.storage.sql import literal, quoted

WAITING = "waiting"
UNTIL = "_waits_until"
"""The latest time in a waiting row (UTC): when it is past, the row may be loaded."""


def is_ripe(entry: LedgerEntry, run_time: datetime) -> bool:
    """Tell whether some of a delivery's waiting rows need not wait any more."""
    return entry.waits_until is not None and entry.waits_until <= in_utc(run_time)


def in_utc(moment: datetime) -> datetime:
    """Return a time as the naive UTC time that the lake holds."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def note_waiting(con: duckdb.DuckDBPyConnection, entry: LedgerEntry, waiting: Path) -> None:
    """Write down in the ledger how many rows wait, and for which time the first of them does."""
    entry.rows_waiting, entry.waits_until = 0, None
    if waiting.exists():
        query = f"select count(*), min({UNTIL}) from {files([waiting])}"
        entry.rows_waiting, entry.waits_until = con.execute(query).fetchall()[0]


def ripen(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    entry: LedgerEntry,
    run_time: datetime,
    before: tuple[Path, Path],
    after: tuple[Path, Path],
) -> None:
    """Move the rows that need not wait any more into their delivery's batch, and write down their number.

    Of rows of one key in a file the last one counts, as if all had been loaded at once.

    Args:
        con: a private database.
        contract: says the columns and the key.
        entry: the delivery; its figures are updated.
        run_time: the time of the run.
        before: the batch, which need not be there, and the waiting rows.
        after: where both go; neither is written without rows.
    """
    batch, waiting = before
    ripe = f"{UNTIL} <= {literal(in_utc(run_time).isoformat(sep=' '))}::timestamp"
    rows = f"select {conformed(con, contract, waiting)} from {files([waiting])} where {ripe}"
    if batch.exists():
        rows += f" union all select {conformed(con, contract, batch)} from {files([batch])}"
    if contract.primary_key:
        key = ", ".join(quoted(name) for name in contract.primary_key)
        rows = f"select * from ({rows}) qualify row_number() over (partition by {key} order by _line desc) = 1"
    write(con, f"select * from ({rows}) order by _line", after[0])
    write(con, f"select * from {files([waiting])} where not ({ripe}) order by _line", after[1])
    loaded, waited = entry.rows_loaded, entry.rows_waiting
    note_waiting(con, entry, after[1])
    entry.rows_loaded = con.execute(f"select count(*) from {files([after[0]])}").fetchall()[0][0]
    entry.rows_superseded += loaded + waited - entry.rows_waiting - entry.rows_loaded
