"""Small datasets as shops really deliver them; `case` copies one to where a test may change, load and run it.

A folder here is a dataset folder, or holds one called `shop`. What a repository cannot keep (modes, times, clocks,
other users) is set by the tests.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_pipeline.config.settings import Settings, now
from crm_pipeline.raw.check_sources import Check
from crm_pipeline.raw.check_sources import check_sources as look
from tests.end_to_end.conftest import Deployment
from tests.raw.conftest import Shop

CASES = Path(__file__).parent


class Case(Shop):
    """A copied case: `load` loads its landing files, `check` looks at them as `crm check-sources` does."""

    def __init__(self, name: str, folder: Path) -> None:
        origin = CASES / name / "shop" if (CASES / name / "shop").exists() else CASES / name
        self.settings = Settings(
            dataset="shop", data_root=folder / "data", state_root=folder / "state", memory_limit="500MB"
        )
        self.runs = 0
        shutil.copytree(origin, self.settings.dataset_folder)

    @property
    def folder(self) -> Path:
        return self.settings.dataset_folder

    def check(self) -> Check:
        return look(self.dataset, now())

    @property
    def deployment(self) -> Deployment:
        """The case as a deployment that runs all stages with all models and the default settings."""
        return Deployment(
            self.settings.data_root,
            self.settings.state_root,
            dataset="shop",
            left_out=(),
            training_rows=Settings().training_rows,
        )


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Case]:
    return lambda name: Case(name, tmp_path / name)
