"""Churn: a baseline to beat, folds that respect time, the same answer again, and when it must say nothing."""

import dataclasses
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from crm_pipeline.scoring import features
from crm_pipeline.scoring.contest import mean_metrics
from crm_pipeline.scoring.model import NotEnoughDataError, ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.questions import churn, explain, learners, supervised
from crm_pipeline.scoring.questions.churn import Churn
from crm_pipeline.scoring.questions.labels import Frame
from crm_pipeline.scoring.run import run

HORIZON = timedelta(days=90)


class QuickChurn(Churn):
    """One quick candidate, where a test is not about the candidates."""

    candidates = ("logistic_regression",)


class BlindChurn(Churn):
    """A candidate that sees nothing but how long a person is known."""

    candidates = ("blind",)


def test_the_champion_beats_recency_where_people_have_their_own_rhythm(churn_result):
    means, champion = mean_metrics(churn_result.report.backtests), churn_result.status.champion
    assert churn_result.status.status is Status.OK
    assert means[champion]["auc"] > means["recency_rank"]["auc"] + 0.01
    assert means[champion]["brier"] < means["recency_logistic"]["brier"]


def test_every_candidate_stands_beside_the_baselines_at_three_origins(churn_result):
    rows = churn_result.report.backtests
    assert len({row.origin for row in rows}) == 3
    assert {row.candidate for row in rows if row.is_baseline} == {"recency_rank", "recency_logistic"}
    assert {row.candidate for row in rows if not row.is_baseline} == set(Churn.candidates)
    per_origin = Counter((row.origin, row.metric) for row in rows)
    assert {per_origin[key] for key in per_origin if key[1] == "auc"} == {5}
    assert {per_origin[key] for key in per_origin if key[1] == "brier"} == {4}


def test_probabilities_are_calibrated_on_unseen_time(churn_result):
    measured = mean_metrics(churn_result.report.backtests)[churn_result.status.champion]
    assert measured["calibration_error"] < 2 * measured["calibration_error_by_chance"]


def test_everyone_who_bought_in_the_eligibility_window_is_scored(churn_result, shop, settings):
    keys = shop.sql(
        "select customer_key from customer.fct_orders where is_counted and ordered_on > $as_of::date - 365 "
        "group by customer_key order by customer_key",
        params={"as_of": settings.as_of},
    ).fetchall()
    assert churn_result.scores.schema.equals(Churn.table.schema)
    assert churn_result.scores["customer_key"].to_pylist() == [row[0] for row in keys]
    assert churn_result.scores["reason_1"].null_count < len(keys) / 5


def test_risk_bands_follow_their_thresholds(churn_result):
    bands = churn.risk_band(
        np.array([0.0, 0.333, 0.334, 0.666, 0.667, 1.0]), ScoringSettings(as_of=date(2024, 1, 1))
    ).tolist()
    assert bands == ["low", "low", "medium", "medium", "high", "high"]
    scored = churn_result.scores.to_pandas()
    assert scored.groupby("risk_band")["churn_probability"].max().to_dict()["low"] < 1 / 3


def test_folds_train_only_on_labels_that_were_complete_at_the_test_origin(shop, settings):
    model = QuickChurn()
    splits = model.tests(model.prepare(shop, settings).frame, settings)
    assert splits[-1][1] + HORIZON <= settings.as_of
    assert all(max(train) + HORIZON <= test for train, test in splits)
    assert all(later - test >= HORIZON for (_, test), (_, later) in pairwise(splits))


def test_events_after_the_as_of_date_change_no_score(world, orders, tmp_path):
    as_of = world.AS_OF - timedelta(days=120)
    asked = ScoringSettings(as_of=as_of)
    today = run(QuickChurn(), world.warehouse(orders, as_of), asked, tmp_path / "today")
    days = [day if day <= as_of else day + timedelta(days=500) for day in orders["ordered_on"].to_pylist()]
    moved = world.warehouse(orders.set_column(2, "ordered_on", [days]), as_of)
    later = run(QuickChurn(), moved, asked, tmp_path / "later")
    assert today.status.status is Status.OK
    assert later.scores.equals(today.scores)
    assert later.report.backtests == today.report.backtests
    assert later.status.model_version == today.status.model_version


def test_a_warehouse_that_knows_more_gives_last_months_scores_again(world, orders, tmp_path):
    # The grid of the newer warehouse reaches less far back, so the folds are limited to dates that both have.
    as_of = date(2023, 2, 28)
    then, now = world.warehouse(orders, as_of), world.warehouse(orders)
    known = f"delete from features.customer_features where as_of_date < date '{date(2021, 7, 31)}'"
    scores = []
    for name, warehouse in (("then", then), ("now", now)):
        warehouse.execute(known)
        scores.append(run(QuickChurn(), warehouse, ScoringSettings(as_of=as_of), tmp_path / name).scores)
    assert scores[0].equals(scores[1])


@pytest.mark.parametrize("candidate", learners.METHODS)
def test_the_same_seed_gives_the_same_model_for_any_number_of_threads(candidate, shop, settings):
    prepared = QuickChurn().prepare(shop, settings)
    rows = prepared.frame.at(prepared.frame.days[:6])
    both = [
        learners.fit_pipeline(learners.METHODS[candidate], rows.features, rows.labels, settings.seed, threads)
        for threads in (1, 3)
    ]
    assert np.array_equal(*(pipeline.predict_proba(prepared.frame.features) for pipeline in both))


@pytest.mark.slow
def test_a_second_run_gives_the_same_bytes(world, orders, settings, tmp_path):
    first, second = (
        run(QuickChurn(), world.warehouse(orders, threads=threads), settings, tmp_path / str(threads))
        for threads in (1, 3)
    )
    assert first.scores.equals(second.scores)
    assert first.status.model_version == second.status.model_version
    assert first.report.plots == second.report.plots


@pytest.mark.slow
def test_another_seed_is_another_version(shop, settings, tmp_path):
    other = dataclasses.replace(settings, seed=7)
    versions = {run(QuickChurn(), shop, asked, tmp_path).status.model_version for asked in (settings, other)}
    assert len(versions) == 2


def test_scoring_in_batches_changes_nothing(monkeypatch, shop, settings, churn_result):
    model = QuickChurn()
    prepared = model.prepare(shop, settings)
    fitted = model.fit(prepared, "logistic_regression", settings)
    whole = model.score(shop, fitted, "v", settings)
    monkeypatch.setattr(supervised, "BATCH_ROWS", 64)
    parts = model.score(shop, fitted, "v", settings)
    assert parts.drop(["churn_probability"]).equals(whole.drop(["churn_probability"]))
    assert np.allclose(parts["churn_probability"], whole["churn_probability"], rtol=0, atol=1e-9)


def test_a_feature_that_knows_the_answer_is_left_out_and_named(world, orders, settings, tmp_path, monkeypatch):
    marked = features.model_inputs() | {"orders_to_come"}
    monkeypatch.setattr(features, "model_inputs", lambda: marked)
    warehouse = world.warehouse(orders)
    warehouse.execute(
        "create table later as select f.customer_key, f.as_of_date, count(o.order_key) as orders_to_come "
        "from features.customer_features as f left join customer.fct_orders as o "
        "on o.customer_key = f.customer_key and o.is_counted "
        "and o.ordered_on > f.as_of_date and o.ordered_on <= f.as_of_date + 90 group by all;"
        "create or replace table features.customer_features as "
        "select * from features.customer_features join later using (customer_key, as_of_date)"
    )
    result = run(QuickChurn(), warehouse, settings, tmp_path)
    assert result.report.card["left_out_as_leaks"] == ["orders_to_come"]
    assert "orders_to_come" not in result.report.card["importance"]


def test_importance_names_what_the_held_out_ranking_rests_on(churn_result):
    importance = churn_result.report.card["importance"]
    assert max(importance.values()) > explain.LEAST / 10
    assert set(importance) <= set(churn_result.report.card["schema"])


def test_a_short_history_is_insufficient_and_scores_nobody(world, orders, tmp_path):
    as_of = world.FIRST_DAY + timedelta(days=200)
    result = run(Churn(), world.warehouse(orders, as_of), ScoringSettings(as_of=as_of), tmp_path)
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert result.status.reason.startswith("Needs 270 days of orders; has ")
    assert (len(result.scores), result.scores.schema) == (0, Churn.table.schema)


def test_too_few_people_of_one_label_is_insufficient_data(world, tmp_path):
    few = world.warehouse(world.simulate_orders(90, seed=2))
    result = run(Churn(), few, ScoringSettings(as_of=world.AS_OF), tmp_path)
    assert result.status.reason.startswith("Needs 100 people who churned and 100 who stayed; has ")


def test_a_shop_without_orders_is_insufficient_data(world, settings, tmp_path):
    result = run(Churn(), world.warehouse(world.orders_table([])), settings, tmp_path)
    assert result.status.reason == "Needs 270 days of orders; has 0."


def test_losing_to_recency_is_said_and_scores_nobody(monkeypatch, shop, settings, tmp_path):
    tenure = learners.only([0], learners.logistic_regression)
    monkeypatch.setitem(learners.METHODS, "blind", tenure)
    result = run(BlindChurn(), shop, settings, tmp_path)
    assert result.status.status is Status.WORSE_THAN_BASELINE
    assert "does not beat recency_rank" in result.status.reason
    assert len(result.scores) == 0


def test_no_test_origin_without_an_earlier_origin_to_learn_from(settings):
    alone = Frame(
        np.arange(4),
        np.array(["2023-01-31"] * 4, dtype="datetime64[D]"),
        np.zeros((4, 1)),
        np.array([0, 1, 0, 1]),
        ("recency_days",),
    )
    with pytest.raises(NotEnoughDataError, match="a whole horizon before"):
        Churn().tests(alone, settings)


def test_plots_show_the_backtest_the_calibration_and_the_gains(churn_result):
    said = " ".join(churn_result.report.plots)
    assert all(word in said for word in ("backtest", "calibration", "gains")), said
