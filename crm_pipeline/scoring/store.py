"""Where scores lie: one Parquet file per table and as-of date, so that past months stay and can be filled in later."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline import lake
from crm_pipeline.scoring.frame import BACKTEST_SCHEMA, CHURN_SCHEMA, CLV_SCHEMA, RFM_SCHEMA, STATUS_SCHEMA
from crm_pipeline.settings import Settings
from crm_pipeline.stages import Stage

SCHEMAS = {
    "rfm": RFM_SCHEMA,
    "clv": CLV_SCHEMA,
    "churn": CHURN_SCHEMA,
    "model_backtests": BACKTEST_SCHEMA,
    "model_status": STATUS_SCHEMA,
}


def path(settings: Settings, table: str, as_of: date) -> Path:
    """The file that holds a table as of a date."""
    return settings.lake / Stage.SCORING / table / f"as_of_date={as_of}.parquet"


def registry(settings: Settings) -> Path:
    """The folder of stored models."""
    return settings.lake / Stage.SCORING / "registry"


def save(settings: Settings, table: str, as_of: date, rows: pa.Table) -> None:
    """Store a table as of a date, over what was there; the same rows again write nothing.

    Raises:
        ArrowInvalid: if the rows do not fit the table's schema.
    """
    typed = rows.select(SCHEMAS[table].names).cast(SCHEMAS[table])
    target = path(settings, table, as_of)
    if not (target.exists() and pq.read_table(target).equals(typed)):
        lake.write_parquet(typed, target)


def read(settings: Settings, table: str, as_of: date) -> pa.Table:
    """Return a stored table as of a date.

    Raises:
        FileNotFoundError: if it has not been scored.
    """
    return pq.ParquetFile(path(settings, table, as_of)).read()
