"""What loads and cannot be meant is told: amounts that do not add up, customer ids that are nobody's."""

import shutil

import duckdb
import pytest
import yaml

from crm_pipeline.config.settings import now
from crm_pipeline.definitions import build
from crm_pipeline.operations import home
from crm_pipeline.operations.schedules import DAILY
from crm_pipeline.raw.plausibility import amount_findings
from crm_pipeline.stages import Stage
from tests.cases.conftest import CASES, Case


def test_lines_that_hold_the_amount_of_the_whole_line_are_named_beside_their_header(case):
    shop = case("line_total_as_unit_price")
    shop.load(now())
    stops, warns = amount_findings(shop.settings, {})
    assert not any(stops.values())
    (said,) = warns["order_lines"]
    assert "the lines of 1 orders (LT1) do not add up to their headers: 1,280.00 against 160.00" in said


@pytest.fixture(scope="module")
def resolved(tmp_path_factory):
    """Both shops whose ids are nobody's, as two systems of one dataset, run up to who is who; its results."""
    shop = Case("placeholder_customer_ids", tmp_path_factory.mktemp("resolved"))
    other = CASES / "sql_null_backslash_n"
    shutil.copy(other / "landing" / "orders.csv", shop.folder / "landing" / "other.csv")
    (source,) = yaml.safe_load((other / "pipeline.yml").read_text())["sources"]
    described = yaml.safe_load((shop.folder / "pipeline.yml").read_text())
    described["business"]["as_of"] = "2025-12-31"
    described["sources"].append(source | {"name": "other", "system": "other", "files": "landing/other.csv"})
    (shop.folder / "pipeline.yml").write_text(yaml.safe_dump(described))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRM_DATASET", "shop")
        patch.setenv("CRM_DATA_ROOT", str(shop.settings.data_root))
        patch.setenv("CRM_STATE_ROOT", str(shop.settings.state_root))
        patch.setenv("DAGSTER_HOME", str(shop.settings.dagster_home))
        home.prepare(shop.settings)
        job = build(shop.settings).resolve_job_def(DAILY)
        keys = job.asset_layer.asset_graph.materializable_asset_keys
        early = [key for key in keys if key.path[0] in (Stage.RAW, Stage.STAGING, Stage.IDENTITY)]
        assert job.execute_in_process(asset_selection=early).success
    with duckdb.connect(str(shop.settings.warehouse), read_only=True) as con:
        con.execute(f"create temp view people as from '{shop.settings.lake}/identity/current/person_map.parquet'")
        con.execute(f"create temp view conflicts as from '{shop.settings.lake}/identity/current/conflicts.parquet'")
        yield con


def test_guests_with_a_stand_in_for_an_id_are_known_by_their_addresses(resolved):
    assert resolved.execute("select count(*), count(distinct customer_id) from people").fetchall() == [(40, 40)]
    assert resolved.execute(
        "select count(*), count(distinct record_id) from staging.stg_orders where system = 'shop'"
    ).fetchall() == [(40, 40)]


def test_orders_with_a_stand_in_and_nothing_else_are_nobodys_and_bring_what_they_cost(resolved):
    query = "select count(*), count(record_id), sum(revenue)::varchar from staging.stg_orders where system = 'other'"
    assert resolved.execute(query).fetchall() == [(8, 0, "12.36")]


def test_each_stand_in_is_listed(resolved):
    listed = resolved.execute("select kind, records, problem from conflicts order by records").fetchall()
    assert [(kind, records) for kind, records, _ in listed] == [("source_id", 8)] + [("source_id", 10)] * 4
    assert all("stands for nobody" in problem for _, _, problem in listed)
