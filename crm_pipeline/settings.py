"""Where things lie and how a run is bounded; the only module that asks for the time of day.

Every setting can be given as an environment variable with the prefix `CRM_` (`CRM_DATASET=online_retail_ii`).
"""

from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The deployment's settings: one deployment serves one dataset."""

    model_config = SettingsConfigDict(env_prefix="CRM_", extra="ignore")

    dataset: str = Field(default="sample", description="Name of the folder in `data_root` that holds pipeline.yml.")
    data_root: Path = Field(default=PROJECT / "data", description="Holds one folder per dataset.")
    state_root: Path = Field(default=PROJECT / "data" / "local", description="Holds all that runs make, per dataset.")
    dbt_project: Path = Field(default=PROJECT / "dbt_project", description="The dbt project to build.")
    as_of: date | None = Field(default=None, description="Overrides the as-of date of pipeline.yml.")
    memory_limit: str = Field(default="2GB", description="Memory that DuckDB may take before it spills to disk.")
    threads: int = Field(default=2, ge=1, description="Threads that DuckDB and the models may use.")
    releases_kept: int = Field(default=5, ge=1, description="Published releases kept for rollback.")
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
    seed: int = Field(default=20_110, description="Seed of everything random.")

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
