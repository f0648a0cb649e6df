"""Past months can be scored as they would have been then, from the partitions that the UI offers."""

from datetime import date

import duckdb
import pytest
from dagster import DagsterInstance

from crm_pipeline.config.settings import Settings
from crm_pipeline.definitions import build
from crm_pipeline.scoring import steps, store
from crm_pipeline.scoring.assets import MONTHS

MONTH_END = date(2026, 3, 31)
_BUYERS = """
    select distinct customer_key from customer.fct_orders
    where is_counted and customer_key is not null and ordered_on <= $day and ordered_on > $day::date - interval 24 month
    order by 1
"""


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
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        buyers = warehouse.execute(_BUYERS, {"day": MONTH_END}).fetchall()
    assert scored["customer_key"].to_pylist() == [key for (key,) in buyers]
    assert settings.serving_file.read_bytes() == before
