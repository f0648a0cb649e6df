"""What names a KPI follows from the list of KPIs: a further one is a row there, a measure and its description."""

import csv
import json
import os
import shutil
import subprocess

import duckdb
import pytest
import yaml

from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt import kpi_files
from crm_pipeline.dbt.project import dbt_environment, dbt_executable

KPIS = "models/marts/kpis"
ROW = {
    "kpi": "letters_per_customer",
    "kpi_group": "activity",
    "unit": "letters",
    "direction": "up",
    "kind": "ratio",
    "numerator": "letters",
    "denominator": "writers",
    "split_by": "",
    "by_segment": "true",
    "needs": "customers",
    "formula": "letters / people who wrote",
    "description": "Letters of those who write any.",
}
MEASURED = """select cast('2024-06-01' as date) as month, 'all' as dimension, 'all' as dimension_value,
    cast(6 as bigint) as letters, cast(2 as bigint) as writers"""
DESCRIBED = """
version: 2
models:
  - name: kpi_letter_measures
    description: "One row per month: letters."
    config: {access: protected}
    columns:
      - {name: month, data_type: date, description: The month.}
      - {name: dimension, data_type: varchar, description: Always all.}
      - {name: dimension_value, data_type: varchar, description: Always all.}
      - {name: letters, data_type: bigint, description: Letters that came.}
      - {name: writers, data_type: bigint, description: Who wrote them.}
"""


def test_the_files_are_in_step_with_the_list_of_kpis():
    rendered = kpi_files.render()
    assert {name: (kpi_files.DBT / name).read_text(encoding="utf-8") for name in rendered} == rendered


@pytest.fixture(scope="module")
def with_letters(tmp_path_factory):
    """The dbt project with a further KPI, made by hand in three files, and a warehouse without rows."""
    root = tmp_path_factory.mktemp("letters")
    settings = Settings(data_root=root / "data", state_root=root / "state", dbt_project=root / "dbt")
    project = settings.dbt_project
    shutil.copytree(PROJECT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    seed = project / "seeds" / "kpi_definitions.csv"
    columns = seed.read_text(encoding="utf-8").splitlines()[0].split(",")
    with seed.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns, lineterminator="\n").writerow(ROW)
    (project / KPIS / "kpi_letter_measures.sql").write_text(MEASURED)
    (project / KPIS / "kpi_letter_measures.yml").write_text(DESCRIBED)
    kpi_files.main(project)
    settings.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse)) as con:
        con.execute("create schema marts")
        for path in [*(project / KPIS).glob("kpi_*_measures.yml"), project / KPIS / "time_spine.yml"]:
            (model,) = yaml.safe_load(path.read_text())["models"]
            columns = ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
            con.execute(f"create table marts.{model['name']} ({columns})")
        con.execute("insert into marts.time_spine values (date '2024-06-01', date '2024-06-01', true)")
    return settings


def test_a_further_kpi_stands_in_the_scorecard(with_letters):
    models = ("kpi_definitions", "kpi_letter_measures", "kpi_measures", "kpi_scorecard")
    dbt(with_letters, "build", "--exclude", "test_type:singular", "test_type:unit", "--select", *models)
    with duckdb.connect(str(with_letters.warehouse), read_only=True) as con:
        found = con.sql("select month, value, status from marts.kpi_scorecard where kpi = 'letters_per_customer'")
        assert [(str(month), *row) for month, *row in found.fetchall()] == [("2024-06-01", 3.0, "no_target")]


def test_a_further_kpi_is_a_metric(with_letters):
    dbt(with_letters, "parse")
    semantic = json.loads((with_letters.dbt_project / "target" / "semantic_manifest.json").read_text())
    (metric,) = [metric for metric in semantic["metrics"] if metric["name"] == ROW["kpi"]]
    assert (metric["label"], metric["description"]) == ("Letters per customer", ROW["description"])


def dbt(settings, *arguments):
    project = str(settings.dbt_project)
    command = [str(dbt_executable()), *arguments, "--project-dir", project, "--profiles-dir", project]
    command += ["--vars", "{as_of_date: '2024-06-30'}"]
    environment = {**os.environ, **dbt_environment(settings)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
