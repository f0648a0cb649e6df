"""What a failed dbt test says: the rule, rows by their keys, a remedy, and never a personal value."""

import json
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt import evidence
from crm_pipeline.stages import Stage
from crm_pipeline.storage import lake

NAMES = """
    create schema staging;
    create table staging.stg_orders as
    select range as order_key, 'o' || range as order_id, case when range > 2 then range * -5 end as revenue,
        'anna@example.com' as email, 'shop||anna@example.com' as record_id, 'Anna' as first_name, 7 as first_delivery
    from range(1, 10)
"""


@pytest.fixture
def built(tmp_path):
    """A warehouse with a table, and a way to say which test of it failed."""
    settings = Settings(dataset="shop", data_root=tmp_path / "data", state_root=tmp_path / "state")
    settings.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(NAMES)
    version = settings.lake / Stage.RAW / "v000001"
    ledger = pa.table({"file": ["landing/orders.csv"], "delivery": [7]})
    lake.write_parquet(ledger, version / "ledger.parquet")
    (version.parent / "current").symlink_to(version.name)
    target = tmp_path / "dbt"
    target.mkdir()

    def failed(kind, kwargs, compiled="select 1", raw="", failures=9):
        metadata = {"name": kind, "kwargs": kwargs} if kind else None
        personal = {"email": {"config": {"meta": {"classification": "pii"}}}, "revenue": {}}
        model = {"name": "stg_orders", "relation_name": '"warehouse"."staging"."stg_orders"', "columns": personal}
        model["resource_type"] = "model"
        node = {
            "name": "a_test",
            "test_metadata": metadata,
            "attached_node": "model.x",
            "raw_code": raw,
            "resource_type": "test",
        }
        if not kind:
            node |= {"attached_node": None, "meta": {"dagster": {"ref": {"name": "stg_orders"}}}}
        result = {"unique_id": "test.x", "status": "fail", "failures": failures, "compiled_code": compiled}
        (target / "run_results.json").write_text(json.dumps({"results": [result]}))
        (target / "manifest.json").write_text(json.dumps({"nodes": {"test.x": node, "model.x": model}, "sources": {}}))
        return evidence.sentences(settings, Stage.STAGING, target)["a_test"]

    return failed


@pytest.fixture(autouse=True)
def ledger_of_one_file(monkeypatch):
    entry = SimpleNamespace(delivery=7, file="landing/orders.csv")
    monkeypatch.setattr(evidence, "read_ledger", lambda _: [entry])


REMEDY = (
    "Remedy: find them in staging.stg_orders of the warehouse, correct them in the landing files or in pipeline.yml, "
    "and run again."
)


def test_rows_with_an_empty_column_are_named_by_key_and_file(built):
    assert built("never_null", {"columns": ["order_key", "revenue"]}, failures=2) == (
        "stg_orders: order_key, revenue must be filled. 2 rows break it. "
        "For example: order_key 1, order_id o1, revenue empty, file landing/orders.csv; "
        f"order_key 2, order_id o2, revenue empty, file landing/orders.csv. {REMEDY}"
    )


def test_numbers_out_of_range_are_shown_of_at_most_five_rows(built):
    said = built("in_range", {"columns": ["revenue"]}, failures=7)
    assert "revenue must be at least 0. 7 rows break it." in said
    assert said.count("order_key") == 5
    assert "order_key 3, order_id o3, revenue -15" in said


@pytest.mark.parametrize(
    ("kind", "kwargs", "compiled"),
    [
        ("unique", {"column_name": "email"}, "select email as unique_field, count(*) as n_records from {} group by 1"),
        ("accepted_values", {"column_name": "first_name"}, "select first_name as value_field from {}"),
        (
            "unique_combination",
            {"columns": ["email", "record_id"]},
            "select email, record_id, count(*) as n from {} group by all",
        ),
        ("not_null", {"column_name": "order_key"}, "unused"),
        (None, {}, "select * from {}"),
        ("relationships", {"column_name": "record_id"}, "select record_id as from_field from {}"),
    ],
)
def test_no_personal_value_is_told(built, kind, kwargs, compiled):
    said = built(kind, kwargs, compiled.format("warehouse.staging.stg_orders"))
    assert "nna" not in said
    assert said.endswith(REMEDY)


def test_a_test_of_ones_own_is_told_by_its_comment(built):
    raw = "{{ config() }}\n\n-- An amount without a rate is worth nobody knows what.\n-- Deliver the rates.\nselect 1"
    said = built(None, {}, "select order_key from warehouse.staging.stg_orders", raw, failures=1)
    assert said.startswith(
        "An amount without a rate is worth nobody knows what. Deliver the rates. 1 row breaks it. For example: "
    )


def test_rows_that_cannot_be_named_leave_the_sentence(built):
    assert built("unique", {"column_name": "order_key"}, "select nonsense").startswith(
        "stg_orders: order_key must stand for one row only. 9 rows break it. Remedy"
    )
