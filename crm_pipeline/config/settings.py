"""Where things lie and how a run is bounded; the only module that asks for the time of day.

Every setting can be given as an environment variable with the prefix `CRM_` (`CRM_DATASET=online_retail_ii`).
"""

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent.parent


_LEAST_MEMORY = 95_000_000


class Settings(BaseSettings):
    """The deployment's settings: one deployment serves one dataset."""

    model_config = SettingsConfigDict(env_prefix="CRM_", extra="ignore")

    dataset: str = Field(default="sample", description="Name of the folder in `data_root` that holds pipeline.yml.")
    data_root: Path = Field(default=PROJECT / "data", description="Holds one folder per dataset.")
    state_root: Path = Field(default=PROJECT / "data" / "local", description="Holds all that runs make, per dataset.")
    dbt_project: Path = Field(default=PROJECT / "dbt_project", description="The dbt project to build.")
    as_of: date | None = Field(default=None, description="Overrides the as-of date of pipeline.yml.")
    memory_limit: str = Field(default="2GB", description="Memory that DuckDB may take before it spills to disk.")
    threads: int = Field(default=2, ge=1, le=1_024, description="Threads that DuckDB and the models may use.")
    releases_kept: int = Field(default=5, ge=1, le=10_000, description="Published releases kept for rollback.")
    quarantine_limit: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of quarantined rows in a file that stops a run, if they are over 20.",
    )
    withdrawal_limit: float = Field(
        default=0.5, ge=0, le=1, description="Share of a source's rows that stops a run if a full delivery lacks them."
    )
    training_rows: int = Field(default=200_000, ge=100, description="Rows that a model learns from at most.")
    linked_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders beside the dataset's whose files may be read through links, divided like those of PATH.",
    )
    seed: int = Field(default=20_110, description="Seed of everything random.")

    @field_validator("dataset")
    @classmethod
    def _is_one_folder(cls, value: str) -> str:
        if not re.fullmatch(r"[^\W_][\w .-]{0,99}", value) or value.endswith((".", " ")):
            raise ValueError(
                "a dataset is the name of a folder under data/: letters, digits, _, - and dots, 100 at most"
            )
        return value

    @field_validator("as_of", mode="before")
    @classmethod
    def _is_a_day(cls, value: Any) -> Any:
        # A number would be taken for seconds since 1970.
        if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError("give a date such as 2024-06-30")
        return value

    @field_validator("memory_limit")
    @classmethod
    def _is_a_size(cls, value: str) -> str:
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?b)\s*", value, re.IGNORECASE)
        if not found or float(found[1]) * 1024 ** "bkmgt".index(found[2][0].lower()) < _LEAST_MEMORY:
            raise ValueError("give a size of at least 100MB, such as 2GB")
        return value

    @field_validator("linked_folders", mode="before")
    @classmethod
    def _divided(cls, value: Any) -> Any:
        return tuple(filter(None, value.split(os.pathsep))) if isinstance(value, str) else value

    @property
    def dataset_folder(self) -> Path:
        """The folder with the dataset's pipeline.yml and its landing files."""
        return self.data_root / self.dataset

    @property
    def state(self) -> Path:
        """The folder of all that runs of this dataset make."""
        return self.state_root / self.dataset

    @property
    def lake(self) -> Path:
        """Parquet written by the Python stages, one folder per stage."""
        return self.state / "lake"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that only dbt writes."""
        return self.state / "warehouse.duckdb"

    @property
    def serving_file(self) -> Path:
        """The DuckDB file that BI tools open."""
        return self.state / "serving" / "crm.duckdb"

    @property
    def report(self) -> Path:
        """The page for people who do not query the serving file."""
        return self.state / "report.html"

    @property
    def dagster_home(self) -> Path:
        """Run history and schedules of this dataset."""
        return self.state / "dagster"


def now() -> datetime:
    """Return the current time in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
