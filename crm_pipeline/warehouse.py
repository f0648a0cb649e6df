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
    spill = settings.state / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "threads": str(settings.threads),
        "temp_directory": str(spill),
    }
    connection = duckdb.connect(str(settings.warehouse), read_only=True, config=config)
    try:
        yield connection
    finally:
        connection.close()


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
