"""Real runs of all stages on a small invented company; one good run is made once and copied by each test."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt.warm import warm_process
from crm_pipeline.definitions import build
from crm_pipeline.operations import home
from crm_pipeline.operations.run import RunOutcome, execute
from crm_pipeline.sample import company
from crm_pipeline.sample.generate import generate
from crm_pipeline.scoring import steps
from crm_pipeline.stages import Stage

PEOPLE = 700
TRAINING_ROWS = 4_000
LEFT_OUT = ("texts", "segmentation", "propensity", "category_propensity", "loyalty", "uplift")
"""How well models learn is tested elsewhere: on the invented company a few of them stand for all, with few rows.

Segments and refused versions go on from earlier runs, so that what they say depends on which runs there were.
"""


@dataclass(frozen=True)
class Deployment:
    """A dataset, its state, and the dbt project that builds it."""

    data_root: Path
    state_root: Path
    dbt_project: Path = PROJECT / "dbt_project"
    dataset: str = "sample"
    left_out: tuple[str, ...] = LEFT_OUT
    training_rows: int = TRAINING_ROWS

    @property
    def settings(self) -> Settings:
        return Settings(
            dataset=self.dataset,
            data_root=self.data_root,
            state_root=self.state_root,
            dbt_project=self.dbt_project,
        )

    def run(self, as_of: date | None = None, first: Stage = Stage.RAW) -> RunOutcome:
        """Run `crm_daily` as the command line does."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CRM_DATASET", self.dataset)
            patch.setenv("CRM_DATA_ROOT", str(self.data_root))
            patch.setenv("CRM_STATE_ROOT", str(self.state_root))
            patch.setenv("CRM_DBT_PROJECT", str(self.dbt_project))
            patch.setenv("CRM_TRAINING_ROWS", str(self.training_rows))
            for step in self.left_out:
                patch.setitem(steps.STEPS, step, replace(steps.STEPS[step], take=lambda _: steps.Made({})))
            patch.setenv("DAGSTER_HOME", str(self.settings.dagster_home))
            home.prepare(self.settings)
            return execute(build(Settings()), self.settings.state / "logs", as_of, first=first)

    def copy(self, folder: Path) -> "Deployment":
        """Copy data and state, so that a test can break them."""
        shutil.copytree(self.data_root, folder / "data")
        shutil.copytree(self.state_root, folder / "state", symlinks=True)
        return Deployment(folder / "data", folder / "state", self.dbt_project)


@pytest.fixture(scope="session", autouse=True)
def one_warm_dbt() -> Iterator[None]:
    """Import dbt once for all runs."""
    with warm_process():
        yield


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data root of a small company. No order comes a month late, which would change what is said of that month."""
    root = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(company, "late", lambda orders, _: np.zeros(len(orders), dtype=bool))
        generate(PEOPLE, 3, root / "sample", processes=1)
    return root


@pytest.fixture(scope="session")
def published(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment with one good release."""
    deployment = Deployment(landing, tmp_path_factory.mktemp("state"))
    outcome = deployment.run()
    assert outcome.problems == []
    return deployment


@pytest.fixture
def spare(published: Deployment, tmp_path: Path) -> Deployment:
    """A copy of the published deployment that the test may break."""
    return published.copy(tmp_path)


@pytest.fixture
def with_hook(spare: Deployment, tmp_path: Path) -> Iterator[Callable[[str, str, str], Deployment]]:
    """Plant a fault in a dbt model: SQL that runs right after the model is built."""

    def plant(stage: str, model: str, sql: str) -> Deployment:
        project = tmp_path / "dbt_project"
        shutil.copytree(PROJECT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
        (config,) = (project / "models" / stage).rglob(f"{model}.sql")
        hook = sql.replace('"', '\\"')
        config.write_text(f'{{{{ config(post_hook="{hook}") }}}}\n{config.read_text()}')
        return Deployment(spare.data_root, spare.state_root, project)

    yield plant
