"""Editors are told by the JSON schema what pipeline.yml may say."""

import json

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from crm_pipeline.cli.app import app
from crm_pipeline.config.schema import pipeline_schema
from crm_pipeline.config.settings import PROJECT

FILES = sorted((PROJECT / "data").glob("*/pipeline.yml"))
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
