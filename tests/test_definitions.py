"""What the definitions are built for is what runs, whatever the environment says."""

from datetime import date

import pytest
from dagster import asset, materialize

from crm_pipeline.config.settings import Settings
from crm_pipeline.definitions import build
from crm_pipeline.resources import Workspace


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings of a deployment that is not the one of the environment."""
    for name, value in {"CRM_DATASET": "another", "CRM_STATE_ROOT": str(tmp_path / "another"), "CRM_SEED": "1"}.items():
        monkeypatch.setenv(name, value)
    return Settings(
        dataset="mine",
        data_root=tmp_path / "data",
        state_root=tmp_path / "state",
        linked_folders=(tmp_path / "x",),
        seed=2,
        as_of=date(2024, 5, 31),
    )


def seen(settings, **config):
    found = []

    @asset
    def asks(workspace: Workspace) -> None:
        found.append(workspace.settings)

    given = {"resources": {"workspace": {"config": config}}} if config else {}
    assert materialize(
        [asks], resources={"workspace": build(settings).resources["workspace"]}, run_config=given
    ).success
    return found[0]


def test_a_run_uses_the_settings_that_its_definitions_were_built_for(settings):
    assert seen(settings) == settings


def test_a_runs_own_as_of_date_stands_above_them(settings):
    assert seen(settings, as_of="2024-04-30") == settings.model_copy(update={"as_of": date(2024, 4, 30)})
