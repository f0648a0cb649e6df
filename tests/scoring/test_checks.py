"""The gate behind the stage, on what is stored."""

from datetime import date
from types import SimpleNamespace

import pyarrow as pa
import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.scoring import checks, steps, store
from crm_pipeline.scoring.outcome import STATUSES, ModelStatus, Status, status_table

TODAY = date(2024, 6, 30)


@pytest.fixture
def workspace(tmp_path):
    settings = Settings(data_root=tmp_path / "data", state_root=tmp_path / "state")
    for table in steps.tables().values():
        store.save(settings, table, TODAY, table.empty())
    return SimpleNamespace(settings=settings, as_of_date=TODAY)


@pytest.mark.parametrize(("status", "passes"), [(Status.OK, True), (Status.FAILED, False)])
def test_a_run_without_segments_is_stopped(workspace, status, passes):
    statuses = status_table([ModelStatus("rfm", status, "A code is missing.")], TODAY)
    store.save(workspace.settings, STATUSES, TODAY, statuses)
    assert checks._rfm(workspace).passed is passes


def test_two_rows_of_one_key_are_told(workspace):
    assert checks._keys(workspace).passed
    table = steps.tables()["customer_sentiment"]
    rows = [{"customer_key": 1, "as_of_date": TODAY, "texts_12m": 1}] * 2
    store.save(workspace.settings, table, TODAY, pa.Table.from_pylist(rows, schema=table.schema))
    found = checks._keys(workspace)
    assert not found.passed
    assert "customer_sentiment holds 1 rows too many for its key (customer_key)." in found.description
