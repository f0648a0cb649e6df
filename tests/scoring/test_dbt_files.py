"""What dbt knows of a score table follows from its record: a further one is a record and what computes it."""

import os
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt.project import dbt_environment, dbt_executable
from crm_pipeline.scoring import assets, checks, dbt_files, steps
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.table import AS_OF, PERSON, Column, Mart, ScoreTable

TODAY = date(2024, 6, 30)
MOODS = ScoreTable(
    "moods",
    "One row per person: their mood.",
    (
        PERSON,
        AS_OF,
        Column.text("mood", "In one word.", required=True, values=("good", "bad")),
        Column.probability("certainty", "How sure that is."),
    ),
    key=("customer_key",),
    mart=Mart("service", name="customer_moods"),
)
ROWS = {"customer_key": [1, 2], "as_of_date": [TODAY] * 2, "mood": ["good", "bad"], "certainty": [0.5, None]}


def made_from_score_tables(name):
    first = (dbt_files.TARGET / name).read_text(encoding="utf-8").partition("\n")[0]
    return "Generated from the score tables" in first


def test_the_files_of_dbt_are_in_step_with_the_records():
    rendered = dbt_files.render()
    assert {name: (dbt_files.TARGET / name).read_text(encoding="utf-8") for name in rendered} == rendered
    files = {str(path.relative_to(dbt_files.TARGET)) for path in dbt_files.TARGET.rglob("*.*") if path.is_file()}
    assert {name for name in files - set(rendered) if made_from_score_tables(name)} == set()


@pytest.fixture
def with_moods(monkeypatch):
    """The steps of the stage with a further one; the others find nobody to score."""
    for name, step in steps.STEPS.items():
        monkeypatch.setitem(steps.STEPS, name, replace(step, take=lambda _: steps.Made({})))
    found = steps.Made({"moods": pa.table(ROWS)})
    monkeypatch.setitem(steps.STEPS, "moods", steps.Step(lambda _: found, (MOODS,)))


def test_a_further_score_table_is_an_asset_that_is_checked(with_moods):
    assert assets.asset_specs()[-3].description == MOODS.description
    assert (MOODS, [MOODS.columns[-1]]) in checks.with_probabilities()


def test_a_further_score_table_becomes_a_tested_mart(with_moods, tmp_path):
    settings = Settings(data_root=tmp_path / "data", state_root=tmp_path / "state", dbt_project=tmp_path / "dbt")
    settings.warehouse.parent.mkdir(parents=True)
    asked = ScoringSettings(as_of=TODAY)
    list(steps.score(SimpleNamespace(connection=None, asked=asked, actions=None, settings=settings, programmes=())))
    shutil.copytree(PROJECT / "dbt_project", settings.dbt_project, ignore=shutil.ignore_patterns("target", "logs"))
    dbt_files.main(settings.dbt_project / "models" / "marts")
    built = build(settings, "customer_moods", "--exclude", "test_name:relationships")
    assert built.returncode == 0, built.stdout
    with duckdb.connect(str(settings.warehouse), read_only=True) as con:
        assert con.sql("from marts.customer_moods order by 1").to_arrow_table().to_pydict() == ROWS


def build(settings, *select):
    project = str(settings.dbt_project)
    command = [str(dbt_executable()), "build", "--select", *select, "--vars", f"{{as_of_date: '{TODAY}'}}"]
    environment = {**os.environ, **dbt_environment(settings)}
    command += ["--project-dir", project, "--profiles-dir", project]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
