"""The dbt project keeps its rules, and each rule is seen to fail on a planted fault."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import manifest
from tests.dbt import project_rules as rules


@pytest.fixture(scope="module")
def parsed() -> Mapping[str, Any]:
    return json.loads(manifest(Settings()).read_text())


def test_the_project_keeps_all_rules(parsed):
    assert rules.broken_rules(parsed) == []


def _rename_a_fact(parsed: dict) -> None:
    parsed["nodes"]["model.crm.fct_orders"]["name"] = "orders_fact"


def _read_raw_rows_in_a_mart(parsed: dict) -> None:
    parsed["nodes"]["model.crm.customer_360"]["depends_on"]["nodes"].append("source.crm.raw.orders")


def _skip_the_customer_stage(parsed: dict) -> None:
    parsed["nodes"]["model.crm.cohort_retention"]["depends_on"]["nodes"].append("model.crm.stg_orders")


def _hang_many_marts_on_a_staging_model(parsed: dict) -> None:
    for name in ("persona_cuts", "group_migration", "persona_profile", "early_warnings"):
        parsed["nodes"][f"model.crm.{name}"]["depends_on"]["nodes"].append("model.crm.stg_products")


def _write_a_table_out(parsed: dict) -> None:
    parsed["nodes"]["model.crm.cohort_retention"]["raw_code"] += "\nunion all select * from customer.fct_orders"


def _write_a_long_line(parsed: dict) -> None:
    parsed["nodes"]["model.crm.cohort_retention"]["raw_code"] += "\n-- " + "long " * 30


def _forget_a_column(parsed: dict) -> None:
    parsed["nodes"]["model.crm.fct_orders"]["columns"]["revenue"]["description"] = ""


def _forget_the_grain(parsed: dict) -> None:
    parsed["nodes"]["model.crm.fct_orders"]["description"] = "Orders."


def _drop_the_tests(parsed: dict) -> None:
    for node in parsed["nodes"].values():
        if node.get("attached_node") == "model.crm.cohort_retention":
            node["attached_node"] = None


def _drop_a_contract(parsed: dict) -> None:
    parsed["nodes"]["model.crm.cohort_retention"]["config"]["contract"]["enforced"] = False


def _let_nobody_read_a_mart(parsed: dict) -> None:
    parsed["exposures"] = {}


@pytest.mark.parametrize(
    ("rule", "plant"),
    [
        (rules.a_name_tells_the_layer, _rename_a_fact),
        (rules.a_source_is_read_where_it_becomes_a_model, _read_raw_rows_in_a_mart),
        (rules.a_mart_stands_on_no_staging_model, _skip_the_customer_stage),
        (rules.few_leaves_hang_on_one_model, _hang_many_marts_on_a_staging_model),
        (rules.no_table_is_written_out, _write_a_table_out),
        (rules.no_line_is_long, _write_a_long_line),
        (rules.all_is_described, _forget_a_column),
        (rules.all_is_described, _forget_the_grain),
        (rules.each_key_is_tested, _drop_the_tests),
        (rules.each_mart_has_a_contract_a_group_and_a_reader, _drop_a_contract),
        (rules.each_mart_has_a_contract_a_group_and_a_reader, _let_nobody_read_a_mart),
    ],
)
def test_a_planted_fault_is_found(parsed, rule: rules.Rule, plant: Callable[[dict], None]):
    planted = copy.deepcopy(parsed)
    plant(planted)
    assert list(rule(planted)) != []
