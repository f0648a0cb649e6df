"""What every step of a run shares: the dataset, the as-of date, the warehouse to read, dbt, and the right to write."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import cached_property
from importlib.metadata import version
from typing import Any

import duckdb
from dagster import ConfigurableResource, Failure, InitResourceContext
from dagster_dbt import DbtCliResource
from packaging.version import Version
from pydantic import Field, PrivateAttr

from crm_pipeline.dataset import Dataset, load_dataset
from crm_pipeline.dbt import warm
from crm_pipeline.dbt.project import dbt_vars
from crm_pipeline.operations import made_of
from crm_pipeline.operations.lock import RunLock, RunLockedError
from crm_pipeline.settings import Settings
from crm_pipeline.stages import Stage
from crm_pipeline.warehouse import connect


class Workspace(ConfigurableResource):
    """The dataset that this deployment serves, as one run sees it.

    While a run holds this resource, no other run of the same dataset can start: two writers never meet.
    """

    as_of: str | None = Field(
        default=None,
        description="Compute everything as of the end of this day (YYYY-MM-DD); empty: as pipeline.yml says.",
    )
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
        settings = Settings()
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

    def dbt_vars(self) -> str:
        """The business settings that the models need, as dbt's `--vars`."""
        return dbt_vars(self.dataset, self.as_of_date)


class Dbt(DbtCliResource):
    """dbt as a subprocess of its own, without what the parent class asks of dbt first.

    The parent asks `dbt --version`, which looks for updates over the network: seconds, or a hang without one.
    """

    _warm: ExitStack = PrivateAttr(default_factory=ExitStack)

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Start importing dbt in a process of its own, while the stages before dbt's go on."""
        super().setup_for_execution(context)
        self._warm.enter_context(warm.warm_process())

    def teardown_after_execution(self, context: InitResourceContext) -> None:  # noqa: ARG002
        """End the process that has dbt imported."""
        self._warm.close()

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        """Open no adapter in this process: it takes seconds, and only helpers that lock the warehouse use it."""


def resources(settings: Settings) -> dict[str, Any]:
    """Name the resources that the stages ask for."""
    project = str(settings.dbt_project)
    dbt = Dbt(
        project_dir=project,
        profiles_dir=project,
        dbt_executable=sys.executable,
        # What stands first behind the executable: the module that hands the command to the warm process.
        global_config_flags=["-m", warm.__name__],
    )
    return {"workspace": Workspace(), "dbt": dbt}
