"""Past months can be scored as they would have been then, from the partitions that the UI offers."""

from datetime import date

import pytest
from dagster import DagsterInstance

from crm_pipeline.definitions import build
from crm_pipeline.scoring import steps, store
from crm_pipeline.scoring.assets import MONTHS
from crm_pipeline.settings import Settings

MONTH_END = date(2026, 3, 31)


@pytest.fixture
def rfm_only(monkeypatch):
    """The quickest of the steps: this is about the partitions, not about the models."""
    monkeypatch.setattr(steps, "STEPS", {"rfm": steps.STEPS["rfm"]})


@pytest.mark.usefixtures("rfm_only")
def test_a_month_that_the_ui_offers_is_scored_with_what_was_known_then(spare, monkeypatch):
    settings = spare.settings
    for name, value in {"DATA_ROOT": spare.data_root, "STATE_ROOT": spare.state_root, "DATASET": spare.dataset}.items():
        monkeypatch.setenv(f"CRM_{name}", str(value))
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    before = settings.serving_file.read_bytes()
    with DagsterInstance.get() as instance:
        assert MONTH_END.isoformat() in instance.get_dynamic_partitions(MONTHS.name)
        job = build(Settings()).resolve_job_def("score_months")
        assert job.execute_in_process(partition_key=MONTH_END.isoformat(), instance=instance).success
    scored = store.read(settings, "rfm", MONTH_END)
    assert set(scored["as_of_date"].to_pylist()) == {MONTH_END}
    assert 0 < len(scored) < len(store.read(settings, "rfm", max_date(settings)))
    assert settings.serving_file.read_bytes() == before


def max_date(settings: Settings) -> date:
    """The run's own as-of date: the newest that was scored."""
    found = store.last_before(settings, "rfm", date.max)
    assert found is not None
    return found
