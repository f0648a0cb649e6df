"""The current raw rows of the lake, as every later stage reads them, and the newest day that they hold whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from crm_pipeline.config.business import Business
from crm_pipeline.config.settings import Settings
from crm_pipeline.stages import Stage
from crm_pipeline.storage.lake import as_pattern
from crm_pipeline.storage.sql import literal
from crm_pipeline.storage.warehouse import limits

PLACE = "_delivery * 1_000_000_000_000 + _line"
"""Where a raw row stands among all that were delivered: a number, since rows kept whole would not spill to disk."""


def latest_complete_day(settings: Settings, business: Business) -> date | None:
    """Return the day before that of the newest order, in the business time zone; None where there are no orders.

    The newest day may still be filling.
    """
    zone = literal(business.timezone)
    with reader(settings) as con:
        query = f"""
            select (timezone({zone}, timezone('UTC', max(ordered_at))))::date - 1
            from (
                select max(ordered_at) as ordered_at from {table(settings, "orders")}
                union all
                select max(ordered_at) from {table(settings, "order_lines")}
            )
            """
        return con.execute(query).fetchall()[0][0]


def table(settings: Settings, channel: str) -> str:
    """Return SQL for the current raw rows of a channel."""
    folder: Path = settings.lake / Stage.RAW / "current" / channel
    files = literal(f"{as_pattern(folder)}/*.parquet")
    return f"read_parquet({files}, hive_partitioning = false)"


@contextmanager
def reader(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory, within the limits of the deployment, to read raw rows with."""
    with duckdb.connect(config=limits(settings)) as con:
        con.execute("set timezone = 'UTC'")
        yield con
