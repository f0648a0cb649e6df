"""Building a serving file: the published tables rewritten into a new DuckDB file that older clients can open.

Rows are rewritten rather than the warehouse file copied: a copy would carry personal data along, in the tables of
earlier stages and in the blocks of dropped columns.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.publish.contents import PublishedTable, published_tables
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.storage.sql import literal, quoted
from crm_pipeline.storage.warehouse import WAREHOUSE, attached

# Opened by DuckDB 1.2 and newer: BI tools ship older drivers than ours.
STORAGE_VERSION = "v1.2.0"
SERVING = "serving"

_RELEASE_COLUMNS = {
    "run_id": ("varchar", "Run that published this file."),
    "as_of_date": ("date", "Everything here was computed as of the end of this day."),
    "published_at": ("timestamp", "When it was published (UTC)."),
    "code_version": ("varchar", "Version of the pipeline."),
    "people": ("bigint", "People in customer.dim_customers."),
    "orders": ("bigint", "Counted orders: completed sales."),
    "revenue": ("decimal(38, 2)", "Revenue of all orders, net of returns, in the business currency."),
    "rows_quarantined": ("bigint", "Source rows that were set aside with a reason."),
    "checks_passed": ("bigint", "Blocking checks that passed before it was published."),
    "fingerprint": ("varchar", "Hash of the content of all published tables."),
    "release": ("varchar", "Name of the release, counted up."),
}


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


def build(settings: Settings, release: ReleaseInfo, pii: Collection[str], target: Path) -> None:
    """Build a complete serving file at `target`, which must not exist yet. Leaves no write-ahead log behind.

    Args:
        settings: Where the warehouse lies, and the bounds for memory and threads.
        release: The row of the `_release` table.
        pii: Names of columns that hold personal data, from the contracts.
        target: The file to build.

    Raises:
        PublishError: if a needed table is missing or the file does not get the older storage format.
    """
    with open_engine(settings) as con:
        tables = published_tables(con, WAREHOUSE, pii)
        con.execute(f"attach {literal(str(target))} as {SERVING} (storage_version '{STORAGE_VERSION}')")
        _require_storage_version(con)
        for table in tables:
            _copy(con, table)
        _write_release(con, release)
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
    con.execute(
        f"create table {SERVING}.{table.sql_name} as select {table.sql_columns} from {WAREHOUSE}.{table.sql_name}"
    )
    described = con.execute(
        """
        select null, comment from duckdb_tables() where database_name = $db and schema_name = $s and table_name = $t
        union all
        select column_name, comment from duckdb_columns()
        where database_name = $db and schema_name = $s and table_name = $t
        """,
        {"db": WAREHOUSE, "s": table.schema, "t": table.name},
    ).fetchall()
    kept = {column for column, _ in table.columns}
    for column, comment in described:
        if comment and column is None:
            con.execute(f"comment on table {SERVING}.{table.sql_name} is {literal(comment)}")
        elif comment and column in kept:
            con.execute(f"comment on column {SERVING}.{table.sql_name}.{quoted(column)} is {literal(comment)}")


def _write_release(con: duckdb.DuckDBPyConnection, release: ReleaseInfo) -> None:
    names = [field.name for field in fields(release)]
    columns = ", ".join(f"{name} {_RELEASE_COLUMNS[name][0]}" for name in names)
    con.execute(f"create table {SERVING}.main._release ({columns})")
    # DuckDB would shift an aware time into the session's zone; the column is UTC without a zone.
    values = [value.astimezone(UTC).replace(tzinfo=None) if _is_aware(value) else value for value in astuple(release)]
    con.execute(f"insert into {SERVING}.main._release values ({', '.join('?' for _ in names)})", values)
    con.execute(f"comment on table {SERVING}.main._release is 'What this file is: one row.'")
    for name in names:
        con.execute(f"comment on column {SERVING}.main._release.{name} is {literal(_RELEASE_COLUMNS[name][1])}")


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None
