"""Where scores lie: one Parquet file per table and as-of date, so that past months stay and can be filled in later."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.config.settings import Settings
from crm_pipeline.scoring.table import ScoreTable
from crm_pipeline.stages import Stage
from crm_pipeline.storage import lake


def path(settings: Settings, table: str, as_of: date) -> Path:
    """The file that holds a table as of a date."""
    return settings.lake / Stage.SCORING / table / f"as_of_date={as_of}.parquet"


def registry(settings: Settings) -> Path:
    """The folder of stored models."""
    return settings.lake / Stage.SCORING / "registry"


def save(settings: Settings, table: ScoreTable, as_of: date, rows: pa.Table) -> None:
    """Store a table as of a date, over what was there; the same rows again write nothing.

    Raises:
        ArrowInvalid: if the rows do not fit the table's schema.
    """
    fitting, target = table.typed(rows), path(settings, table.name, as_of)
    if not (target.exists() and pq.read_table(target).equals(fitting)):
        lake.write_parquet(fitting, target)


def read(settings: Settings, table: str, as_of: date) -> pa.Table:
    """Return a stored table as of a date.

    Raises:
        FileNotFoundError: if it has not been scored.
    """
    return pq.ParquetFile(path(settings, table, as_of)).read()


def read_or_empty(settings: Settings, table: ScoreTable, as_of: date) -> pa.Table:
    """Return a stored table as of a date, without rows where it has not been scored."""
    stored = path(settings, table.name, as_of).exists()
    return read(settings, table.name, as_of) if stored else table.empty()


def last_before(settings: Settings, table: str, as_of: date) -> date | None:
    """Return the last date before `as_of` for which a table is stored; None where there is none."""
    days = [
        date.fromisoformat(file.stem.removeprefix("as_of_date="))
        for file in path(settings, table, as_of).parent.glob("as_of_date=*.parquet")
    ]
    return max((day for day in days if day < as_of), default=None)
