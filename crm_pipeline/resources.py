"""What every step of a run shares: the dataset, the as-of date, the warehouse to read, dbt, and the right to write."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cached_property

import duckdb
from dagster import ConfigurableResource, Failure, InitResourceContext
from pydantic import Field, PrivateAttr

from crm_pipeline.config.dataset import Dataset, load_dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.stages import Stage
from crm_pipeline.storage import made_of
from crm_pipeline.storage.lock import RunLock, RunLockedError
from crm_pipeline.storage.warehouse import connect


class Workspace(ConfigurableResource):
    """The dataset that a deployment serves, as one run sees it.

    While a run holds this resource, no other run of the same dataset can start: two writers never meet.
    """

    as_of: str | None = Field(
        default=None,
        description="Compute everything as of the end of this day (YYYY-MM-DD); empty: as pipeline.yml says.",
    )
    _deployment: Settings | None = PrivateAttr(default=None)
    _lock: RunLock | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Take the dataset's run lock.

        Raises:
            Failure: if another run of this dataset is going on.
        """
        lock = RunLock(self.settings.state / "run.lock")
        try:
            lock.acquire(context.run_id or "")
        except RunLockedError as error:
            raise Failure(str(error)) from error
        self._lock = lock

    def teardown_after_execution(self, context: InitResourceContext) -> None:  # noqa: ARG002
        """Give the run lock back."""
        if self._lock:
            self._lock.release()

    @cached_property
    def settings(self) -> Settings:
        """The deployment's settings, with this run's as-of date over them."""
        settings = self._deployment or Settings()
        return settings.model_copy(update={"as_of": date.fromisoformat(self.as_of)}) if self.as_of else settings

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset's pipeline.yml."""
        return load_dataset(self.settings.dataset_folder)

    @property
    def as_of_date(self) -> date:
        """The last day whose end is known to this run.

        Raises:
            Failure: if it is to be `latest` and there are no orders to tell it from.
        """
        known = made_of.as_of_date(self.settings, self.dataset)
        if known is None:
            raise Failure(
                "The as-of date `latest` is the last complete day in the orders, and no orders are loaded. "
                "Remedy: check the `files` patterns of the order sources in pipeline.yml, or give a date with --as-of."
            )
        return known

    @contextmanager
    def making(self, stage: Stage) -> Iterator[None]:
        """Note what a stage is made of, once it is: a later run may begin behind it while that stays the same."""
        as_of = self.as_of_date if stage is not Stage.RAW else None
        with made_of.making(self.settings, self.dataset, as_of, stage):
            yield

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse for reading; closed at once after use, for a reader locks dbt out."""
        with connect(self.settings) as connection:
            yield connection


def workspace_of(settings: Settings) -> Workspace:
    """Return the workspace of a deployment, whatever the environment says where it is used.

    A run with an as-of date of its own makes the resource anew from its class, which therefore holds the settings.
    """

    class Deployed(Workspace):
        """The workspace of one deployment."""

        _deployment: Settings | None = PrivateAttr(default=settings)

    return Deployed()
