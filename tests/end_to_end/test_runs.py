"""What a whole run promises: nothing new writes nothing, the past stays the past, ids survive a rebuild."""

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest
from dagster import AssetKey, DagsterInstance

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.dbt.project import dbt_environment, dbt_executable, dbt_vars
from crm_pipeline.definitions import build
from crm_pipeline.publish.queries import EXAMPLES, read_questions, render_examples
from crm_pipeline.publish.release import current_release
from crm_pipeline.stages import Stage
from crm_pipeline.storage.lock import RunLock

from .comparing import differing, people, published_tables
from .conftest import Deployment


def files_of(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, hashlib.md5(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def test_a_second_run_with_nothing_new_writes_nothing_new(spare):
    lake, serving = files_of(spare.settings.lake), files_of(spare.settings.serving_file.parent)
    report = spare.settings.report.stat().st_ino
    outcome = spare.run()
    assert outcome.problems == []
    assert files_of(spare.settings.lake) == lake
    assert files_of(spare.settings.serving_file.parent) == serving
    assert spare.settings.report.stat().st_ino == report


LAST_MONTH = date(2026, 5, 31)


@dataclass(frozen=True)
class History:
    """What was published when the files came bit by bit: last month, now, and now as of last month again."""

    then: dict[str, list]
    now: dict[str, list]
    then_again: dict[str, list]
    people: list


@pytest.fixture(scope="module")
def history(landing, tmp_path_factory) -> History:
    root = tmp_path_factory.mktemp("bit_by_bit")
    shutil.copytree(landing, root / "data")
    deployment = Deployment(root / "data", root / "state")
    folder = deployment.settings.dataset_folder / "landing"
    late = sorted(folder.rglob("*_2026-0[67]*"))
    assert len({path.parent for path in late}) > 10
    for path in late:
        shutil.move(path, root / path.name)
    assert deployment.run(LAST_MONTH).problems == []
    then = published_tables(deployment)
    for path in late:
        shutil.move(root / path.name, path)
    assert deployment.run().problems == []
    now, persons = published_tables(deployment), people(deployment)
    assert deployment.run(LAST_MONTH).problems == []
    assert current_release(deployment.settings).info.as_of_date == LAST_MONTH
    return History(then, now, published_tables(deployment), persons)


def test_a_run_as_of_last_month_gives_last_months_answer_again(history):
    assert differing(history.then, history.then_again) == []


def test_ids_are_the_same_whether_files_came_bit_by_bit_or_all_at_once(history, published):
    assert history.people == people(published)


def without_lifetime_value(tables: dict[str, list]) -> dict[str, list]:
    """The tables without the rows of KPIs that stand only in months as of which there was a run."""
    scored = ("'customer_lifetime_value'", "'customer_equity'", "'lifetime_value'", "'valued_customers'")
    return {name: [row for row in rows if not any(kpi in row for kpi in scored)] for name, rows in tables.items()}


def test_the_published_tables_are_the_same_whether_files_came_bit_by_bit_or_all_at_once(history, published):
    at_once = published_tables(published)
    # What models said of earlier days is kept; the newest run must say the same in both.
    kept = ["marts.model_backtests", "marts.model_status"]
    assert all(set(at_once[name]) <= set(history.now[name]) for name in kept)
    differ = differing(without_lifetime_value(history.now), without_lifetime_value(at_once))
    assert [name for name in differ if name not in kept] == []


def test_the_serving_file_holds_no_personal_value(published):
    lake = published.settings.lake / "raw" / "current"
    with duckdb.connect(str(published.settings.serving_file), read_only=True) as con:
        columns = con.execute(
            "select table_schema, table_name, column_name from information_schema.columns where data_type = 'VARCHAR'"
        ).fetchall()
        con.execute(f"""
            create temp table personal as
            select distinct lower(trim(value)) as value from (
                select unnest([email, phone, last_name, street, loyalty_id]) as value
                from read_parquet('{lake}/customers/*.parquet'))
            where length(value) >= 5
        """)
        leaks = [
            f"{schema}.{table}.{column}"
            for schema, table, column in columns
            if con.execute(
                f'select count(*) from {schema}."{table}" where lower(trim("{column}")) in (select value from personal)'
            ).fetchall()[0][0]
        ]
    assert leaks == []
    personal = {column.name for contract in contracts().values() for column in contract.columns if column.pii}
    assert {column for _, _, column in columns} & personal == set()


def test_a_second_run_at_the_same_time_is_refused_in_a_sentence(spare):
    lock = RunLock(spare.settings.state / "run.lock")
    lock.acquire("first")
    try:
        outcome = spare.run()
    finally:
        lock.release()
    assert not outcome.success
    assert "Another run of this dataset is going on" in " ".join(outcome.problems)


def test_every_dependency_of_an_asset_is_an_asset(published):
    graph = build(published.settings).resolve_asset_graph()
    # What the raw stage keeps beside the channels is no asset of its own.
    beside = {"raw/ledger", "raw/quarantine"}
    assert {key.to_user_string() for key in graph.external_asset_keys} - beside == set()


def test_each_asset_shows_its_rows_and_its_time(published):
    with DagsterInstance.from_config(str(published.settings.dagster_home)) as instance:
        graph = build(published.settings).resolve_asset_graph()
        for key in (key for key in graph.materializable_asset_keys if not graph.get(key).is_partitioned):
            metadata = instance.get_latest_materialization_event(AssetKey(key.path)).asset_materialization.metadata
            # A view is put together when it is asked for, and a page has no rows.
            has_rows = key.path not in (["features", "customer_features"], ["publish", "report"])
            assert ("dagster/row_count" in metadata) == has_rows, key
            assert {"seconds", "Execution Duration"} & set(metadata), key


@pytest.mark.parametrize("group", ["raw", "staging", "identity", "customer", "features", "scoring", "marts", "publish"])
def test_each_stage_is_an_asset_group_with_a_blocking_check(group, published):
    graph = build(published.settings).resolve_asset_graph()
    members = {key for key in graph.materializable_asset_keys if graph.get(key).group_name == group}
    blocking = [key for key in graph.asset_check_keys if key.asset_key in members and graph.get(key).blocking]
    assert members
    assert blocking
    assert {key.path[0] for key in members} == {group}


def test_a_run_from_a_later_stage_leaves_those_before_it_alone(spare):
    before = spare.settings.warehouse.stat().st_mtime_ns
    outcome = spare.run(first=Stage.PUBLISH)
    assert outcome.success, outcome.problems
    assert outcome.reached == [Stage.PUBLISH]
    assert spare.settings.warehouse.stat().st_mtime_ns == before


def test_the_example_questions_are_answered_from_the_published_file(published):
    answers = render_examples(published.settings)
    assert all(example.question in answers for example in read_questions()[:EXAMPLES])
    assert answers.count("no rows") == 0


def dbt(deployment: Deployment, *arguments: str, **environment: str) -> str:
    """Run a dbt command on a deployment's lake and, unless the environment says otherwise, its warehouse."""
    settings = deployment.settings
    command = [str(dbt_executable()), *arguments, "--target-path", str(settings.state / "aside")]
    command += ["--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project)]
    known = {**os.environ, **dbt_environment(settings), **environment}
    done = subprocess.run(command, env=known, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.parametrize("day", [date(2025, 3, 31), date(2026, 2, 14)], ids=str)
def test_the_history_says_of_a_past_day_what_a_run_as_of_that_day_says(day, published, tmp_path):
    # The same records are merged as today: who is who on that day is another question.
    dataset = load_dataset(published.settings.dataset_folder)
    variables = dbt_vars(dataset, day)
    warehouse = tmp_path / published.settings.warehouse.name
    dbt(published, "run", "--select", "+dim_customers", "--vars", variables, CRM_WAREHOUSE=str(warehouse))
    shared = (
        "customer_key, first_name, last_name, email, phone, birth_date, gender, street, postal_code, city, country, "
        "income_band, household_size, acquisition_medium, language, loyalty_id, consent_email, consent_phone, "
        "consent_post, consent_push, consent_profiling"
    )
    with duckdb.connect() as con:
        con.execute(f"attach '{published.settings.warehouse}' as now (read_only)")
        con.execute(f"attach '{warehouse}' as run_then (read_only)")
        con.execute(f"""
            create view person_map as
            from '{published.settings.lake}/identity/current/person_map.parquet';
            create view told as
            select {shared} from now.customer.dim_customers_history
            where valid_from <= date '{day}' and (valid_to > date '{day}' or is_current);
            create view found as
            select {shared} from run_then.customer.dim_customers
            where customer_key in (
                select customer_key from run_then.staging.stg_identifiers inner join person_map using (record_id)
            );
        """)
        people, changed = con.execute(f"""
            select count(*), count(*) filter (where not is_current) from now.customer.dim_customers_history
            where valid_from <= date '{day}' and (valid_to > date '{day}' or is_current)
        """).fetchall()[0]
        assert people > 200
        assert changed > 50
        assert con.execute("(from told except all from found) limit 5").fetchall() == []
        assert con.execute("(from found except all from told) limit 5").fetchall() == []


def test_the_models_unit_tests_hold(published):
    # They read column types from the lake and the warehouse that a run has made.
    variables = json.loads(dbt_vars(load_dataset(published.settings.dataset_folder), date(2026, 6, 30)))
    given = {name: variables[name] for name in ("as_of_date", "stand_ins", "golden_attributes", "age_bands")}
    said = dbt(published, "test", "--select", "test_type:unit", "--vars", json.dumps(given))
    assert "ERROR=0" in said
    assert "PASS=0" not in said
