"""What is said of a dbt build that failed."""

import json
import subprocess
import sys

import duckdb
import pytest

from crm_pipeline.dbt.project import failure_sentence
from crm_pipeline.stages import Stage

LOCKED = (
    'IO Error: Could not set lock on file "/state/warehouse.duckdb": Conflicting lock is held in '
    "/usr/bin/python3.11 (PID 4711). However, you would be able to open this database in read-only mode"
)


def test_who_keeps_the_warehouse_open_is_named(tmp_path):
    (tmp_path / "dbt.log").write_text(json.dumps({"info": {"msg": LOCKED}}))
    sentence = failure_sentence(tmp_path, Stage.FEATURES)
    assert "process 4711 has it open" in sentence
    assert "serving file" in sentence


def test_duckdb_still_words_a_held_lock_so(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    holding = f"import duckdb, sys; held = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(duckdb.IOException) as refused:
            duckdb.connect(str(path))
        (tmp_path / "dbt.log").write_text(str(refused.value))
        assert f"process {holder.pid} has it open" in failure_sentence(tmp_path, Stage.FEATURES)
        holder.communicate()


def test_a_failed_test_is_named_and_the_lock_of_an_earlier_build_is_not(tmp_path):
    (tmp_path / "dbt.log").write_text(LOCKED)
    failed = {"status": "fail", "unique_id": "test.crm.unique_orders.1", "message": "Got 2 results"}
    (tmp_path / "run_results.json").write_text(json.dumps({"results": [failed]}))
    assert "unique_orders (Got 2 results)" in failure_sentence(tmp_path, Stage.STAGING)


def test_without_any_sign_the_log_is_named(tmp_path):
    assert failure_sentence(tmp_path, Stage.MARTS).endswith(f"see {tmp_path / 'dbt.log'}.")
