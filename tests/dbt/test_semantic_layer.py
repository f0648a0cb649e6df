"""The list of KPIs, the measures that they are made of, and the metrics of the semantic layer name the same things."""

import csv
import json

import pytest

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt import kpi_files
from crm_pipeline.dbt.project import manifest

DBT = PROJECT / "dbt_project"


@pytest.fixture(scope="module")
def definitions():
    with (DBT / "seeds" / "kpi_definitions.csv").open() as file:
        return {row["kpi"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def semantic():
    return json.loads((manifest(Settings()).parent / "semantic_manifest.json").read_text())


@pytest.fixture(scope="module")
def metrics(semantic):
    return {metric["name"]: metric for metric in semantic["metrics"]}


def used_measures(definitions):
    return {row[part] for row in definitions.values() for part in ("numerator", "denominator") if row[part]}


def test_each_kpi_is_a_metric_of_its_name_and_its_formula(definitions, metrics):
    def formula(metric):
        parts = metric["type_params"]
        if metric["type"] == "ratio":
            return metric["type"], parts["numerator"]["name"], parts["denominator"]["name"]
        return metric["type"], parts["measure"]["name"], ""

    said = {kpi: formula(metrics[kpi]) for kpi in definitions if kpi in metrics}
    assert said == {
        kpi: ("ratio" if row["kind"] == "ratio" else "simple", row["numerator"], row["denominator"])
        for kpi, row in definitions.items()
    }


def test_a_metric_says_what_the_list_says_of_the_kpi(definitions, metrics):
    assert {kpi: metrics[kpi]["description"] for kpi in definitions} == {
        kpi: row["description"] for kpi, row in definitions.items()
    }


def test_what_a_kpi_needs_is_a_channel(definitions):
    assert {row["needs"] for row in definitions.values()} <= set(contracts())


def test_only_ratios_have_a_denominator(definitions):
    assert {kpi for kpi, row in definitions.items() if bool(row["denominator"]) != (row["kind"] == "ratio")} == set()


def test_each_measure_is_measured_and_each_that_is_measured_is_used(definitions):
    measured = [column["name"] for _, columns in kpi_files.measured(DBT) for column in columns]
    assert sorted(measured) == sorted(used_measures(definitions))


def test_each_measure_of_a_kpi_is_one_of_the_semantic_layer(definitions, semantic):
    known = [measure["name"] for model in semantic["semantic_models"] for measure in model["measures"]]
    assert sorted(known) == sorted(used_measures(definitions))


def test_the_semantic_layer_has_a_time_spine_by_day(semantic):
    spines = semantic["project_configuration"]["time_spines"]
    assert [(spine["node_relation"]["alias"], spine["primary_column"]["time_granularity"]) for spine in spines] == [
        ("time_spine", "day")
    ]


def test_saved_queries_ask_for_what_the_serving_file_holds(semantic, metrics):
    """Helpers are not published, and keys of people leave the warehouse as `customer_id`."""
    nodes = json.loads(manifest(Settings()).read_text())["nodes"].values()
    published = {node["name"] for node in nodes if node["resource_type"] == "model" and node["access"] == "public"}
    model_of = {
        measure["name"]: model["node_relation"]["alias"]
        for model in semantic["semantic_models"]
        for measure in model["measures"]
    }
    asked = {name for query in semantic["saved_queries"] for name in query["query_params"]["metrics"]}
    assert asked
    assert {name for name in asked for part in measures_of(metrics[name]) if model_of[part] not in published} == set()


def measures_of(metric):
    parts = metric["type_params"]
    ratio = [part["name"] for part in (parts["numerator"], parts["denominator"]) if part]
    return ratio or [parts["measure"]["name"]]
