"""Reading the warehouse: short read-only connections, bounded in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from crm_pipeline.settings import Settings
from crm_pipeline.stages import Stage


@contextmanager
def connect(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse read-only and close it on leaving.

    Raises:
        FileNotFoundError: if no run has built the warehouse yet.
    """
    if not settings.warehouse.exists():
        raise FileNotFoundError(f"There is no warehouse for {settings.dataset} yet. Remedy: crm run.")
    connection = duckdb.connect(str(settings.warehouse), read_only=True, config=_limits(settings))
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def workshop(settings: Settings, stage: Stage) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that sees a stage's tables of the warehouse, for work that needs tables of its own.

    Raises:
        FileNotFoundError: if no run has built the warehouse yet.
    """
    with connect(settings) as reader:
        names = reader.execute(
            "select table_name from information_schema.tables where table_schema = ?", [stage.value]
        ).fetchall()
    with duckdb.connect(config=_limits(settings)) as connection:
        connection.execute(f"attach '{str(settings.warehouse).replace(chr(39), chr(39) * 2)}' as warehouse (read_only)")
        connection.execute(f"create schema {stage.value}")
        for (name,) in names:
            connection.execute(f'create view {stage.value}."{name}" as from warehouse.{stage.value}."{name}"')
        yield connection


def _limits(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    spill = settings.state / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    return {"memory_limit": settings.memory_limit, "threads": str(settings.threads), "temp_directory": str(spill)}


def row_counts(settings: Settings, stage: Stage) -> dict[str, int]:
    """Count the rows of each table of a stage's schema."""
    with connect(settings) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = ? order by all", [stage.value]
        ).fetchall()
        return {name: _count(connection, stage, name) for (name,) in names}


def _count(connection: duckdb.DuckDBPyConnection, stage: Stage, table: str) -> int:
    rows = connection.execute(f'select count(*) from {stage.value}."{table}"').fetchall()
    return int(rows[0][0])
