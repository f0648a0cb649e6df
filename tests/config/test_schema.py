"""Editors are told by the JSON schema what pipeline.yml may say."""

import json

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from crm_pipeline.cli.app import app
from crm_pipeline.config.dataset import DatasetError, load_dataset
from crm_pipeline.config.schema import SCHEMA_FILE, pipeline_schema
from crm_pipeline.config.settings import PROJECT
from crm_pipeline.config.yaml_places import read_yaml
from crm_pipeline.raw.guessing.layout import data_files
from crm_pipeline.raw.init import write_draft

FILES = sorted((PROJECT / "data").glob("*/pipeline.yml"))
#: Those that a run takes; what is wrong with the others on purpose is no text, number or key of another kind.
CASES = sorted((PROJECT / "tests" / "cases").rglob("pipeline.yml"))
SOURCE = {"name": "shop", "channel": "orders", "files": "*.csv", "columns": {"order_id": "id"}}


def mistakes(values):
    # Through JSON, as an editor sees them: a date is text.
    validator = jsonschema.Draft202012Validator(pipeline_schema())
    return [error.message for error in validator.iter_errors(json.loads(json.dumps(values, default=str)))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_the_bundled_files_follow_the_schema(path):
    assert mistakes(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    "more",
    [
        {"preset": "shopify_orders", "columns": {"email": None}},
        {"columns": {"status": {"value": 1}, "order_id": {"from": "id"}}},
        {"read": {"null_values": [0, "n/a"]}},
        {"join": {"files": "x.csv", "on": "id", "columns": ["a"]}, "aggregate": {"by": "id", "columns": {"a": "sum"}}},
        {
            "join": [
                {"files": "x", "on": {"a": "b"}, "columns": {"c": "d"}, "aggregate": {"columns": {"d": {"sum": "e"}}}}
            ]
        },
        {
            "columns": {
                "order_id": ["id", "nr"],
                "status": {"from": ["a", "b"], "values": {"x": "completed", "y": None}},
            }
        },
    ],
    ids=str,
)
def test_short_forms_follow_the_schema(more):
    assert mistakes({"sources": [SOURCE | more]}) == []


@pytest.mark.parametrize("wrong", [{"bussiness": {}}, {"journeys": {"attribution_days": 0}}, {"kpis": {"goals": {}}}])
def test_a_mistake_breaks_the_schema(wrong):
    assert len(mistakes({"sources": [SOURCE], **wrong})) == 1


def test_crm_schema_prints_it():
    printed = CliRunner().invoke(app, ["schema"])
    assert json.loads(printed.stdout) == json.loads(json.dumps(pipeline_schema()))


def valid_cases():
    for path in CASES:
        try:
            load_dataset(path.parent)
        except DatasetError:
            continue
        yield path


@pytest.mark.parametrize("path", valid_cases(), ids=lambda path: path.relative_to(PROJECT / "tests" / "cases").parts[0])
def test_what_a_run_takes_follows_the_schema(path):
    assert mistakes(read_yaml(path).values) == []


def test_a_first_draft_names_the_schema_that_lies_beside_it(tmp_path):
    (tmp_path / "orders.csv").write_text("order_id,order_date,total,email\n1,2024-01-01,5,ann@mail.example\n")
    text = write_draft(tmp_path).text
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")
    assert json.loads((tmp_path / SCHEMA_FILE).read_text()) == json.loads(json.dumps(pipeline_schema()))
    assert data_files(tmp_path) == [tmp_path / "orders.csv"]
    assert mistakes(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": 5},
        {"read": {"sheet": []}},
        {"read": {"merged_cells": "last"}},
        {"read": {"header_row": 0}},
        {"read": {"heading": 2}},
        {"columns": []},
        {"columns": {"order_id": {"form": "id"}}},
        {"columns": {"order_id": {"from": "id", "decimal": ";"}}},
        {"delivery": "sometimes"},
        {"quarantine_limit": 2},
        {"preset": "shopify_everything"},
        {"tables": {}},
    ],
    ids=str,
)
def test_a_mistake_in_a_source_breaks_the_schema(wrong):
    assert mistakes({"sources": [SOURCE | wrong]}) != []
