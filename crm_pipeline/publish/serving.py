"""Building a serving file: the published tables rewritten into a new DuckDB file that older clients can open.

Rows are rewritten rather than the warehouse file copied: a copy would carry personal data along, in the tables of
earlier stages and in the blocks of dropped columns.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.catalogue import Table
from crm_pipeline.publish.contents import SHOWN, PublishedColumn, PublishedTable, show
from crm_pipeline.publish.directory import show_directory
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.storage.sql import literal, quoted
from crm_pipeline.storage.warehouse import attached

# Opened by DuckDB 1.2 and newer: BI tools ship older drivers than ours.
STORAGE_VERSION = "v1.2.0"
SERVING = "serving"

RELEASE = PublishedTable(
    "main",
    "_release",
    "One row: what this file is.",
    (
        PublishedColumn("run_id", "VARCHAR", "Run that published this file."),
        PublishedColumn("as_of_date", "DATE", "Everything here was computed as of the end of this day."),
        PublishedColumn("published_at", "TIMESTAMP", "When it was published (UTC)."),
        PublishedColumn("code_version", "VARCHAR", "Version of the pipeline."),
        PublishedColumn("people", "BIGINT", "People in customer.dim_customers."),
        PublishedColumn("orders", "BIGINT", "Counted orders: completed sales."),
        PublishedColumn("revenue", "DECIMAL(38,2)", "Revenue of all orders, net of returns, in the business currency."),
        PublishedColumn("rows_quarantined", "BIGINT", "Source rows that were set aside with a reason."),
        PublishedColumn("checks_passed", "BIGINT", "Blocking checks that passed before it was published."),
        PublishedColumn("fingerprint", "VARCHAR", "Hash of the content of all published tables."),
        PublishedColumn("release", "VARCHAR", "Name of the release, counted up."),
    ),
)


@dataclass(frozen=True)
class ReleaseInfo:
    """What the `_release` table of a serving file says: one row.

    `people`, `orders` (counted ones) and `revenue` are the totals that the file is checked against. `fingerprint` and
    `release` (the name) are filled in by `publish`.
    """

    run_id: str
    as_of_date: date
    published_at: datetime
    code_version: str
    people: int
    orders: int
    revenue: Decimal
    rows_quarantined: int
    checks_passed: int
    fingerprint: str = ""
    release: str = ""


@contextmanager
def open_engine(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB without a file of its own, bounded in memory, with the warehouse attached read-only.

    Raises:
        PublishError: if there is no warehouse, or a writer holds it.
    """
    with ExitStack() as stack:
        try:
            con = stack.enter_context(attached(settings))
        except FileNotFoundError as error:
            raise PublishError(str(error)) from error
        except duckdb.IOException as error:
            raise PublishError(f"The warehouse cannot be read: {error} Wait for the run that writes it.") from error
        yield con


def present(con: duckdb.DuckDBPyConnection, known: Sequence[Table]) -> list[PublishedTable]:
    """Show everything that is published of the attached warehouse, with the directory of it.

    Raises:
        PublishError: if a table is missing, or nothing says what a column is.
    """
    tables = show(con, known)
    return [*tables, *show_directory(con, known, [*tables, RELEASE])]


def build(settings: Settings, release: ReleaseInfo, known: Sequence[Table], target: Path) -> None:
    """Build a complete serving file at `target`, which must not exist yet. Leaves no write-ahead log behind.

    Args:
        settings: Where the warehouse lies, and the bounds for memory and threads.
        release: The row of the `_release` table.
        known: What dbt says of the tables that are published.
        target: The file to build.

    Raises:
        PublishError: if a table is missing or undescribed, or the file does not get the older storage format.
    """
    with open_engine(settings) as con:
        tables = present(con, known)
        con.execute(f"attach {literal(str(target))} as {SERVING} (storage_version '{STORAGE_VERSION}')")
        _require_storage_version(con)
        for table in tables:
            _copy(con, table)
        _write_release(con, release)
        con.begin()  # a thousand comments of their own would be as many writes to disk
        for table in (*tables, RELEASE):
            _describe(con, table)
        con.commit()
        con.execute(f"checkpoint {SERVING}")
        con.execute(f"detach {SERVING}")


def _require_storage_version(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute(
        "select options['storage_version'] from duckdb_databases() where database_name = ?", [SERVING]
    ).fetchall()[0][0]
    if found != STORAGE_VERSION:
        raise PublishError(f"The serving file has storage version {found} instead of {STORAGE_VERSION}.")


def _copy(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    con.execute(f"create schema if not exists {SERVING}.{quoted(table.schema)}")
    con.execute(f"create table {SERVING}.{table.sql_name} as from {SHOWN}.{table.sql_name}")


def _describe(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    name = f"{SERVING}.{table.sql_name}"
    con.execute(f"comment on table {name} is {literal(table.description)}")
    for column in table.columns:
        con.execute(f"comment on column {name}.{quoted(column.name)} is {literal(column.description)}")


def _write_release(con: duckdb.DuckDBPyConnection, release: ReleaseInfo) -> None:
    columns = ", ".join(f"{column.name} {column.kind}" for column in RELEASE.columns)
    con.execute(f"create table {SERVING}.{RELEASE.sql_name} ({columns})")
    # DuckDB would shift an aware time into the session's zone; the column is UTC without a zone.
    values = [value.astimezone(UTC).replace(tzinfo=None) if _is_aware(value) else value for value in astuple(release)]
    con.execute(f"insert into {SERVING}.{RELEASE.sql_name} values ({', '.join('?' for _ in values)})", values)


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None
