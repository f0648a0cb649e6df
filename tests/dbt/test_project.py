"""What is said of a dbt build that failed."""

import json
import os
import subprocess
import sys
from datetime import date

import duckdb
import pytest
import yaml

from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt.project import dbt_vars, failure_sentence, forget_outdated_parse
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


def test_the_defaults_of_the_dbt_project_are_those_of_the_settings(tmp_path):
    project = yaml.safe_load((PROJECT / "dbt_project" / "dbt_project.yml").read_text())
    (tmp_path / "pipeline.yml").write_text(
        "sources: [{name: s, channel: orders, files: '*.csv', columns: {order_id: a, ordered_at: b}}]\n"
    )
    told = json.loads(dbt_vars(load_dataset(tmp_path), date(2024, 6, 30)))
    assert project["vars"].keys() == told.keys()
    # What is empty is of no use without a build that names it.
    assert {name: value for name, value in project["vars"].items() if value and value != told[name]} == {}


def test_what_pipeline_yml_sets_reaches_dbt(tmp_path):
    (tmp_path / "pipeline.yml").write_text(
        "sources: [{name: s, channel: orders, files: '*.csv', columns: {order_id: a, ordered_at: b}}]\n"
        "journeys: {attribution_days: 7, session_gap_minutes: 20, login_days: 3}\n"
        "service: {first_response_hours: 4}\n"
        "models: {feature_months: 12, sampled_rows: 500}\n"
        "kpis: {targets: {return_rate: 0.3}}\n"
    )
    told = json.loads(dbt_vars(load_dataset(tmp_path), date(2024, 6, 30)))
    assert (told["attribution_days"], told["session_gap_minutes"], told["login_days"]) == (7, 20, 3)
    assert (told["feature_grid_months"], told["sampled_feature_rows"]) == (12, 500)
    assert (told["first_response_target_hours"], told["kpi_targets"]["first_response_hours"]) == (4, 4)
    assert told["kpi_targets"]["return_rate"] == 0.3


@pytest.mark.parametrize(("parsed_at", "stays"), [(100, False), (300, True)])
def test_a_target_that_was_parsed_before_the_project_changed_is_parsed_whole(tmp_path, parsed_at, stays):
    for name, time in {"project/m.sql": 100, "project/target/manifest.json": 200, "t/partial_parse.msgpack": 0}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time or parsed_at, time or parsed_at))
    forget_outdated_parse(Settings(dbt_project=tmp_path / "project"), tmp_path / "t")
    assert (tmp_path / "t" / "partial_parse.msgpack").exists() is stays
