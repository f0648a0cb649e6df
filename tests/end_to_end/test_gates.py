"""A planted failure at each border stops everything after it, and the serving file stays byte for byte (I8)."""

import gzip
from collections.abc import Callable
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.identity import assets as identity_assets
from crm_pipeline.scoring import steps
from crm_pipeline.scoring.questions.churn import Churn
from crm_pipeline.stages import Stage


def assert_stopped_at(stage: Stage, deployment, *words: str) -> None:
    """Run from the stage that breaks on, and see that the gate behind it holds and says why."""
    before = deployment.settings.serving_file.read_bytes()
    outcome = deployment.run(first=stage)
    assert not outcome.success
    assert outcome.reached == [stage]
    assert deployment.settings.serving_file.read_bytes() == before
    said = " ".join(outcome.problems)
    assert [word for word in words if word not in said] == [], said


def test_a_file_that_breaks_its_contract_stops_the_run_after_raw_and_every_later_run(spare):
    broken = spare.settings.dataset_folder / "landing" / "shop" / "orders_2026-08.jsonl.gz"
    broken.write_bytes(gzip.compress(b'{"id": "late", "placed_at": "tomorrow"}\n' * 50))
    assert_stopped_at(Stage.RAW, spare, "raw/orders", "quarantine_within_limit", "orders_2026-08.jsonl.gz")
    assert_stopped_at(Stage.RAW, spare, "orders_2026-08.jsonl.gz")


def test_a_failure_lets_no_later_stage_of_the_run_begin(with_hook):
    planted = with_hook("staging", "stg_orders", "delete from {{ this }} where true")
    outcome = planted.run()
    assert outcome.reached == [Stage.RAW, Stage.STAGING]


def test_a_duplicate_key_stops_the_run_after_staging(with_hook):
    sql = "insert into {{ this }} select * from {{ this }} where order_key = (select min(order_key) from {{ this }})"
    assert_stopped_at(Stage.STAGING, with_hook("staging", "stg_orders", sql), "unique_stg_orders_order_key")


def test_revenue_that_the_raw_files_do_not_tell_stops_the_run_after_staging(with_hook):
    sql = "update {{ this }} set revenue = revenue + 0.01 where order_key = (select min(order_key) from {{ this }})"
    planted = with_hook("staging", "stg_orders", sql)
    assert_stopped_at(Stage.STAGING, planted, "staging/stg_orders", "equals_the_raw_files", "holds revenue")


def test_a_merged_up_identity_stops_the_run_after_identity(spare, monkeypatch):
    honest = identity_assets.resolve

    def merge_everybody(*arguments):
        resolution = honest(*arguments)
        people = resolution.person_map
        for name in ("customer_key", "customer_id"):
            same = pa.array([people[name][0].as_py()] * len(people), people.schema.field(name).type)
            people = with_column(people, name, same)
        return type(resolution)(**{**vars(resolution), "person_map": people})

    monkeypatch.setattr(identity_assets, "resolve", merge_everybody)
    assert_stopped_at(Stage.IDENTITY, spare, "identity/person_map", "not_merged_up", "people")


def test_a_lost_order_stops_the_run_after_customer(with_hook):
    sql = "delete from {{ this }} where order_key = (select min(order_key) from {{ this }} where is_counted)"
    planted = with_hook("customer", "fct_orders", sql)
    assert_stopped_at(Stage.CUSTOMER, planted, "customer/fct_orders", "assert_revenue_is_equal_in_staging_and_customer")


def test_a_feature_from_the_future_stops_the_run_after_features(with_hook):
    sql = (
        "update {{ this }} set last_order_on = as_of_date + 3, orders_lifetime = orders_lifetime + 1 "
        "where orders_lifetime > 0 "
        "and customer_key = (select max(customer_key) from {{ this }} where orders_lifetime > 0)"
    )
    planted = with_hook("features", "sampled_features", sql)
    assert_stopped_at(Stage.FEATURES, planted, "assert_no_feature_is_dated_after_its_as_of_date")


def with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)


def plant(monkeypatch, model: str, column: str, change: Callable[[pa.ChunkedArray], pa.Array]) -> None:
    """Let a model's scores come out with one column changed."""
    honest = steps.STEPS[model]

    def changed(given):
        made = honest.take(given)
        scores = made.tables[model]
        return replace(made, tables={model: with_column(scores, column, change(scores[column]))})

    monkeypatch.setitem(steps.STEPS, model, replace(honest, take=changed))


def test_scores_of_a_refused_version_stop_the_run_after_scoring(spare, monkeypatch):
    plant(monkeypatch, "churn", "model_version", lambda versions: pa.array(["refused"] * len(versions)))
    assert_stopped_at(Stage.SCORING, spare, "scores_come_from_accepted_versions", "churn", "not accepted")


def test_lifetime_values_out_of_all_proportion_stop_the_run_after_scoring(spare, monkeypatch):
    plant(monkeypatch, "clv", "clv_predicted", lambda values: pc.multiply(values, 1e6))
    assert_stopped_at(Stage.SCORING, spare, "is_plausible", "clv", "the best customer so far")


def test_a_model_that_raises_stops_nothing_and_is_told_everywhere(spare, monkeypatch, capsys):
    def broken(*_):
        raise ValueError("of somebody")

    monkeypatch.setattr(Churn, "prepare", broken)
    outcome = spare.run(first=Stage.SCORING)
    assert (outcome.success, outcome.problems) == (True, [])
    shown = capsys.readouterr().out
    assert (
        "nothing_failed: churn: The model churn failed (ValueError); the traceback is in the log of the run." in shown
    )
    with duckdb.connect(str(spare.settings.serving_file), read_only=True) as serving:
        told = serving.execute("select status, reason from marts.model_status where model = 'churn'").fetchall()
    assert [status for status, _ in told] == ["failed"]
    report = spare.settings.report.read_text(encoding="utf-8")
    assert "The model churn failed (ValueError)" in report
    log = (spare.settings.state / "logs" / f"{outcome.run_id}.log").read_text(encoding="utf-8")
    assert "in broken" in log
    assert "of somebody" not in shown + report + str(told)


def test_a_total_that_does_not_reconcile_stops_the_run_after_marts(with_hook):
    sql = (
        "update {{ this }} set value = value + 0.01 "
        "where kpi = 'revenue' and month = (select max(month) from {{ this }})"
    )
    planted = with_hook("marts", "kpi_scorecard", sql)
    assert_stopped_at(Stage.MARTS, planted, "marts/kpi_scorecard", "assert_scorecard_totals_equal_the_orders")
