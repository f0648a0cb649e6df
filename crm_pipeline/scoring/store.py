"""Where scores lie: one Parquet file per table and as-of date, so that past months stay and can be filled in later."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline import lake
from crm_pipeline.scoring import early_warnings, frame
from crm_pipeline.scoring.category_propensity import CategoryPropensity
from crm_pipeline.scoring.churn import Churn
from crm_pipeline.scoring.loyalty import Loyalty
from crm_pipeline.scoring.propensity import Propensity
from crm_pipeline.settings import Settings
from crm_pipeline.stages import Stage


@dataclass(frozen=True)
class Table:
    """A stored table: its columns, and what a row of it is."""

    schema: pa.Schema
    description: str


TABLES = {
    "rfm": Table(
        frame.RFM_SCHEMA,
        "One row per person with an order in the last 24 months: recency, frequency and monetary quintiles.",
    ),
    "clv": Table(
        frame.CLV_SCHEMA,
        "One row per buyer: expected margin of the coming months with its interval, and the probability alive.",
    ),
    "churn": Table(Churn.schema, "One row per recent buyer: probability of no order within the churn horizon."),
    "propensity": Table(Propensity.schema, "One row per buyer of 24 months: probability of an order in 30 days."),
    "category_propensity": Table(
        CategoryPropensity.schema,
        "One row per recent buyer and category: probability of buying from it in 30 days, and whether it is new.",
    ),
    "loyalty": Table(Loyalty.schema, "One row per recent buyer: loyalty by what people do and say, and its stage."),
    "early_warnings": Table(
        early_warnings.SCHEMA, "One row per recent buyer and signal: what has changed for the worse, and since when."
    ),
    "model_backtests": Table(
        frame.BACKTEST_SCHEMA, "One row per model, origin, candidate and metric, measured on later, unseen time."
    ),
    "model_status": Table(frame.STATUS_SCHEMA, "One row per model: whether its scores may be used, and why not."),
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
    schema = TABLES[table].schema
    typed = rows.select(schema.names).cast(schema)
    target = path(settings, table, as_of)
    if not (target.exists() and pq.read_table(target).equals(typed)):
        lake.write_parquet(typed, target)


def read(settings: Settings, table: str, as_of: date) -> pa.Table:
    """Return a stored table as of a date.

    Raises:
        FileNotFoundError: if it has not been scored.
    """
    return pq.ParquetFile(path(settings, table, as_of)).read()


def read_or_empty(settings: Settings, table: str, as_of: date) -> pa.Table:
    """Return a stored table as of a date, without rows where it has not been scored."""
    return read(settings, table, as_of) if path(settings, table, as_of).exists() else TABLES[table].schema.empty_table()
