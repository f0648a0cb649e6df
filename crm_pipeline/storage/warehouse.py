"""DuckDB within the limits of the deployment: the warehouse for reading, and tables of one's own beside it."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.stages import Stage
from crm_pipeline.storage.sql import literal

#: Name of the warehouse where it is attached to another database.
WAREHOUSE = "warehouse"
Limits = dict[str, str | bool | int | float | list[str]]


def limits(settings: Settings) -> Limits:
    """Return how much memory and how many threads DuckDB may take, and where it spills."""
    spill = settings.state / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    return {"memory_limit": settings.memory_limit, "threads": settings.threads, "temp_directory": str(spill)}


@contextmanager
def connect(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse read-only and close it on leaving.

    Raises:
        FileNotFoundError: if no run has built the warehouse yet.
    """
    _require(settings)
    with duckdb.connect(str(settings.warehouse), read_only=True, config=limits(settings)) as connection:
        yield connection


@contextmanager
def attached(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory with the warehouse attached read-only, for work that needs tables of its own.

    Raises:
        FileNotFoundError: if no run has built the warehouse yet.
        duckdb.IOException: if a writer holds it.
    """
    _require(settings)
    # A checkpoint would pack the working tables, which costs more than it saves: each is read once or twice.
    with duckdb.connect(config={**limits(settings), "checkpoint_threshold": "1TB"}) as connection:
        connection.execute(f"attach {literal(str(settings.warehouse))} as {WAREHOUSE} (read_only)")
        yield connection


@contextmanager
def workshop(settings: Settings, stage: Stage) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that sees a stage's tables under their own names.

    Raises:
        FileNotFoundError: if no run has built the warehouse yet.
    """
    with attached(settings) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() where database_name = ? and schema_name = ?",
            [WAREHOUSE, stage.value],
        ).fetchall()
        connection.execute(f"create schema {stage.value}")
        for (name,) in names:
            connection.execute(f'create view {stage.value}."{name}" as from {WAREHOUSE}.{stage.value}."{name}"')
        yield connection


def _require(settings: Settings) -> None:
    if not settings.warehouse.exists():
        raise FileNotFoundError(f"There is no warehouse for {settings.dataset} yet. Remedy: crm run.")


def row_counts(settings: Settings, stage: Stage) -> dict[str, int]:
    """Count the rows of each table of a stage's schema; views, which are put together when asked for, are left out."""
    with connect(settings) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() where schema_name = ? order by all", [stage.value]
        ).fetchall()
        return {name: _count(connection, stage, name) for (name,) in names}


def _count(connection: duckdb.DuckDBPyConnection, stage: Stage, table: str) -> int:
    rows = connection.execute(f'select count(*) from {stage.value}."{table}"').fetchall()
    return int(rows[0][0])
