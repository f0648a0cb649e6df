"""dbt as a resource of Dagster."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from importlib.metadata import version

from dagster import InitResourceContext
from dagster_dbt import DbtCliResource
from packaging.version import Version
from pydantic import PrivateAttr

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt import warm


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


def dbt_resource(settings: Settings) -> Dbt:
    """Return dbt for the deployment's project."""
    project = str(settings.dbt_project)
    return Dbt(
        project_dir=project,
        profiles_dir=project,
        dbt_executable=sys.executable,
        # What stands first behind the executable: the module that hands the command to the warm process.
        global_config_flags=["-m", warm.__name__],
    )
