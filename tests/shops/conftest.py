"""Invented shops as deployments: each is run once and copied by whoever delivers more to it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_pipeline.config.settings import Settings
from tests.end_to_end.conftest import Deployment, one_warm_dbt
from tests.shops.invented import Shop
from tests.shops.shops import SHOPS

__all__ = ["one_warm_dbt"]


def deploy(shop: Shop, root: Path) -> Deployment:
    """A deployment of the shop with all models and the default settings, not yet run."""
    deployment = Deployment(
        root / "data", root / "state", dataset="shop", left_out=(), training_rows=Settings().training_rows
    )
    shop.write(deployment.settings.dataset_folder)
    return deployment


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Shop, Deployment]]:
    """Run a shop for the first time; once for all tests that ask for it."""
    done: dict[str, tuple[Shop, Deployment]] = {}

    def run(name: str) -> tuple[Shop, Deployment]:
        if name not in done:
            shop = SHOPS[name]()
            deployment = deploy(shop, tmp_path_factory.mktemp(name[:20]))
            outcome = deployment.run(as_of=shop.as_of)
            assert outcome.problems == []
            done[name] = (shop, deployment)
        return done[name]

    return run


@pytest.fixture
def copy_of(first_run: Callable[[str], tuple[Shop, Deployment]], tmp_path: Path) -> Callable[[str], tuple]:
    """The first run of a shop, copied, so that a test may deliver more to it."""

    def copy(name: str) -> tuple[Shop, Deployment]:
        shop, deployment = first_run(name)
        shutil.copytree(deployment.data_root, tmp_path / "data")
        shutil.copytree(deployment.state_root, tmp_path / "state", symlinks=True)
        return shop, Deployment(
            tmp_path / "data",
            tmp_path / "state",
            dataset=deployment.dataset,
            left_out=(),
            training_rows=deployment.training_rows,
        )

    return copy
