"""Identifiers in a warehouse in memory, resolved."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from crm_pipeline.identity.match_settings import MatchSettings
from crm_pipeline.identity.resolve import Resolution, resolve

Row = tuple[str, str, str | None, int]
_SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("system", pa.string()),
        ("kind", pa.string()),
        ("value", pa.string()),
        ("first_load", pa.int64()),
        ("known_at", pa.timestamp("us")),
    ]
)
AS_OF = date(2024, 3, 31)


def _resolve_rows(
    rows: Iterable[Row],
    settings: MatchSettings | None = None,
    previous: Resolution | None = None,
    as_of: date = AS_OF,
) -> Resolution:
    """Resolve rows of (record_id, kind, value, first_load)."""
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("create schema staging")
        values = [(record, record.split("|")[0], kind, value, load, None) for record, kind, value, load in rows]
        con.register("given", pa.table(list(zip(*values, strict=True)) or [[]] * len(_SCHEMA.names), schema=_SCHEMA))
        con.execute("create table staging.stg_identifiers as from given")
        resolution = resolve(
            con,
            settings or MatchSettings(),
            previous.person_map if previous else None,
            previous.merge_ledger if previous else None,
            as_of,
        )
        assert con.execute("select count(*) from duckdb_tables()").fetchall() == [(1,)], "a temporary table was left"
        return resolution


def _people(resolution: Resolution) -> dict[str, str]:
    return {row["record_id"]: row["customer_id"] for row in resolution.person_map.to_pylist()}


def _groups(resolution: Resolution) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for record, person in _people(resolution).items():
        found.setdefault(person, set()).add(record)
    return {frozenset(records) for records in found.values()}


@pytest.fixture(scope="session")
def resolve_rows() -> Callable[..., Resolution]:
    """Resolve rows of (record_id, kind, value, first_load)."""
    return _resolve_rows


@pytest.fixture(scope="session")
def people() -> Callable[[Any], dict[str, str]]:
    """The person of each record."""
    return _people


@pytest.fixture(scope="session")
def groups() -> Callable[[Any], set[frozenset[str]]]:
    """The records of each person."""
    return _groups
