"""Is a built serving file fit to be published? Each check on the finished file, in a connection of its own."""

import struct
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.catalogue import Table
from crm_pipeline.publish.contents import SHOWN, PublishedTable, is_person
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.fingerprint import fingerprint
from crm_pipeline.publish.serving import RELEASE, ReleaseInfo, open_engine, present
from crm_pipeline.storage.sql import literal, quoted
from crm_pipeline.storage.warehouse import WAREHOUSE

# The file header: a checksum of 8 bytes, the letters DUCK, the storage version (65 is DuckDB 1.2's).
_HEADER = struct.Struct("<8x4sQ")
_NEWEST_STORAGE = 65
_BUILT = "built"
_AGAIN = "Remedy: crm run --from publish builds it again."


def verify(settings: Settings, built: Path, release: ReleaseInfo, known: Sequence[Table]) -> None:
    """Check a built serving file against the warehouse and the release's totals.

    Raises:
        PublishError: with one sentence per fault.
    """
    if built.with_name(f"{built.name}.wal").exists():
        raise PublishError("The built file still has a write-ahead log: rows would be lost. Publish again.")
    faults = _storage_faults(built)
    with open_engine(settings) as con:
        con.execute(f"attach {literal(str(built))} as {_BUILT} (read_only)")
        tables = present(con, known)
        faults += _column_faults(con, tables) or _content_faults(con, tables, release)
        if not faults:
            faults = _release_faults(con, release) + _total_faults(con, release) + _people_faults(con, tables)
    if faults:
        raise PublishError("The built serving file was not published. " + " ".join(faults))


def storage_number(path: Path) -> int:
    """Return the storage version in a DuckDB file's header.

    Raises:
        PublishError: if it is not a DuckDB file.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER.size)
    letters, number = _HEADER.unpack(start) if len(start) == _HEADER.size else (b"", 0)
    if letters != b"DUCK":
        raise PublishError(f"{path.name} is not a DuckDB file.")
    return int(number)


def _storage_faults(built: Path) -> list[str]:
    number = storage_number(built)
    if number <= _NEWEST_STORAGE:
        return []
    return [f"Its storage version is {number}, newer than the {_NEWEST_STORAGE} that older drivers can open."]


def _column_faults(con: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable]) -> list[str]:
    """Name columns that are there and are not published, such as personal data."""
    found = con.execute(
        "select table_schema || '.' || table_name, column_name from information_schema.columns "
        "where table_catalog = ? order by all",
        [_BUILT],
    ).fetchall()
    expected = {(table.label, column.name) for table in (*tables, RELEASE) for column in table.columns}
    known = {table.label for table in (*tables, RELEASE)}
    unexpected = [pair for pair in found if pair not in expected and pair[0] in known]
    return [f"{table} has the column {column}, which is not to be published. {_AGAIN}" for table, column in unexpected]


def _people_faults(con: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable]) -> list[str]:
    """Name tables with people whom nobody knows: their keys became no id."""
    faults = []
    for table in tables:
        for column in (column for column in table.columns if is_person(column.source)):
            keys = _rows(con, f"{WAREHOUSE}.{table.sql_name}", quoted(column.source))
            lost = keys - _rows(con, f"{_BUILT}.{table.sql_name}", quoted(column.name))
            if lost:
                faults.append(f"{table.label} has {lost:,} rows of people who are not in customer.dim_customers.")
    return [*faults, "Remedy: run the stages customer and marts again."] if faults else []


def _content_faults(
    con: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable], release: ReleaseInfo
) -> list[str]:
    listed = con.execute(
        "select table_schema || '.' || table_name from information_schema.tables where table_catalog = ?", [_BUILT]
    ).fetchall()
    found = {label for (label,) in listed}
    expected = {table.label for table in tables} | {RELEASE.label}
    faults = [f"The table {label} is missing. {_AGAIN}" for label in sorted(expected - found)]
    faults += [f"The table {label} does not belong there. {_AGAIN}" for label in sorted(found - expected)]
    if faults:
        return faults
    for table in tables:
        ours, theirs = (_rows(con, f"{catalog}.{table.sql_name}") for catalog in (_BUILT, SHOWN))
        if ours != theirs:
            faults.append(f"{table.label} has {ours:,} rows, {theirs:,} in the warehouse. {_AGAIN}")
    if not faults and fingerprint(con, _BUILT, tables) != release.fingerprint:
        faults.append("Its content differs from the warehouse's: the warehouse changed meanwhile. Publish again.")
    return faults


def _release_faults(con: duckdb.DuckDBPyConnection, release: ReleaseInfo) -> list[str]:
    rows = con.execute(f"select run_id, fingerprint from {_BUILT}.main._release").fetchall()
    return (
        []
        if rows == [(release.run_id, release.fingerprint)]
        else [f"_release does not hold this release's one row. {_AGAIN}"]
    )


def _total_faults(con: duckdb.DuckDBPyConnection, release: ReleaseInfo) -> list[str]:
    people = _rows(con, f"{_BUILT}.customer.dim_customers")
    views = _rows(con, f"{_BUILT}.marts.customer_360")
    orders, revenue = con.execute(
        f"select count(*) filter (where is_counted), coalesce(sum(revenue), 0)::decimal(38, 2) "
        f"from {_BUILT}.customer.fct_orders"
    ).fetchall()[0]
    remedy = "Find the stage whose totals differ and run it again."
    faults = []
    if people != release.people or views != release.people:
        faults.append(f"It has {people:,} people and {views:,} rows in customer_360, expected {release.people:,}.")
    if orders != release.orders:
        faults.append(f"It has {orders:,} counted orders, expected {release.orders:,}.")
    if revenue != Decimal(release.revenue):
        faults.append(f"Its revenue is {revenue:,}, expected {release.revenue:,}.")
    return [*faults, remedy] if faults else []


def _rows(con: duckdb.DuckDBPyConnection, name: str, counted: str = "*") -> int:
    return int(con.execute(f"select count({counted}) from {name}").fetchall()[0][0])
