"""What the package uses of Dagster, dbt and Splink beyond their documented interfaces: one test names each use.

An upgrade that moves one of them fails here first, with the name of the file that has to follow.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from dagster import (
    AssetCheckResult,
    AssetKey,
    AssetSelection,
    DagsterInstance,
    Definitions,
    asset,
    asset_check,
    define_asset_job,
)
from dagster_dbt import DbtCliResource
from splink import DuckDBAPI

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.dbt.resource import Dbt

PACKAGE = PROJECT / "crm_pipeline"
LIBRARIES = {"dagster", "dagster_dbt", "dbt", "splink", "great_expectations"}
OVERRIDDEN = ("_cli_version", "_initialize_dbt_core_adapter")
"""Private names of DbtCliResource that `dbt/resource.py` overrides."""
NAMED_TUPLES = {"_replace", "_asdict", "_fields"}
"""Documented by Python, for all their underscore."""


def private_imports(package: Path) -> Iterator[str]:
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                parts = name.split(".")
                if parts[0] in LIBRARIES and any(part.startswith("_") or part == "internals" for part in parts):
                    yield f"{path.relative_to(package)}: {name}"


def private_attributes(package: Path) -> Iterator[str]:
    """Yield the private attributes that are read of anything but `self` and `cls` and are not the package's own."""
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text())
        own = {name for node in ast.walk(tree) for name in _defined(node)}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and re.match("_[a-z]", node.attr)
                and node.attr not in own | NAMED_TUPLES
            ):
                yield f"{path.relative_to(package)}: {node.attr}"


def _defined(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return [node.attr]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def test_nothing_private_is_imported():
    assert list(private_imports(PACKAGE)) == []


def test_nothing_private_is_read():
    assert list(private_attributes(PACKAGE)) == []


@pytest.mark.parametrize(
    ("search", "line"),
    [
        (private_imports, "from dagster._core.utils import make_new_run_id"),
        (private_imports, "import splink.internals.linker"),
        (private_attributes, "linker._db_api.register('blocked')"),
    ],
)
def test_a_planted_use_is_found(tmp_path, search, line):
    (tmp_path / "planted.py").write_text(f"{line}\n")
    assert len(list(search(tmp_path))) == 1


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_dagster_dbt_asks_what_dbt_resource_py_answers(name):
    assert name in vars(DbtCliResource), f"crm_pipeline/dbt/resource.py overrides DbtCliResource.{name}, which is gone"
    assert name in vars(Dbt)
    calls = len(re.findall(rf"\bself\.{name}\b", inspect.getsource(DbtCliResource)))
    assert calls, f"DbtCliResource no longer calls {name}: dbt/resource.py overrides it to no effect"


@pytest.fixture(scope="module")
def history():
    """A run of one asset with one check, in a history of its own."""

    @asset
    def made() -> None: ...

    @asset_check(asset="made")
    def checked() -> AssetCheckResult:
        return AssetCheckResult(passed=True)

    job = define_asset_job("all_of_it", selection=AssetSelection.all())
    definitions = Definitions(assets=[made], asset_checks=[checked], jobs=[job])
    with DagsterInstance.ephemeral() as instance:
        resolved = definitions.resolve_job_def("all_of_it")
        run = resolved.execute_in_process(instance=instance, run_id="00000000-0000-4000-8000-000000000000")
        yield instance, resolved, run


def test_a_run_takes_the_id_that_operations_run_py_gives_it(history):
    assert history[2].run_id == "00000000-0000-4000-8000-000000000000"


def test_the_history_tells_publish_assets_py_of_the_latest_checks(history):
    instance, resolved, run = history
    (key,) = resolved.asset_layer.asset_graph.asset_check_keys
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    evaluation = record.event.dagster_event.asset_check_evaluation_data
    assert evaluation.passed
    assert evaluation.target_materialization_data.run_id == run.run_id


def test_the_history_tells_publish_assets_py_of_the_latest_run(history):
    instance, _, run = history
    (record,) = instance.event_log_storage.get_asset_records([AssetKey("made")])
    assert record.asset_entry.asset_key == AssetKey("made")
    assert record.asset_entry.last_run_id == run.run_id


def test_a_job_names_its_steps_and_assets_to_operations_run_py(history):
    _, resolved, _ = history
    assert "made" in resolved.graph.node_dict
    assert set(resolved.asset_layer.asset_graph.materializable_asset_keys) == {AssetKey("made")}


def test_a_runs_events_come_by_cursor_to_operations_run_py(history):
    instance, _, run = history
    connection = instance.get_records_for_run(run.run_id, cursor=None)
    assert connection.records
    assert all(record.event_log_entry.timestamp for record in connection.records)
    assert instance.get_records_for_run(run.run_id, cursor=connection.cursor).records == []


def test_dbt_has_the_modules_that_dbt_warm_py_imports():
    import dbt.task.build
    from dbt.cli.main import cli, dbtRunner

    assert dbt.task.build.BuildTask
    assert callable(cli)
    assert hasattr(dbtRunner, "invoke")


def test_dbt_duckdb_connects_with_the_settings_of_profiles_yml():
    from dbt.adapters.duckdb.credentials import DuckDBCredentials

    fields = inspect.signature(DuckDBCredentials).parameters
    assert {"config_options", "settings"} <= set(fields)


def test_splink_gives_a_table_the_name_that_identity_probability_py_reads():
    with duckdb.connect() as con:
        con.execute("create table people as select 1 as unique_id")
        frame = DuckDBAPI(con).register("people")
        assert con.sql(f"from {frame.physical_name}").fetchall() == [(1,)]
