"""Churn: labels after the cutoff, folds that respect time, a baseline to beat, and when it must say nothing."""

import dataclasses
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from crm_pipeline.scoring import churn, learners, outcomes
from crm_pipeline.scoring.frame import CHURN_SCHEMA, NotEnoughDataError, ScoringSettings, Status, mean_metric

HORIZON = 90


@pytest.fixture
def logistic_only(monkeypatch):
    """One quick candidate, where a test is not about the candidates."""
    only = {"logistic_regression": learners.logistic_regression}
    monkeypatch.setattr(learners, "CANDIDATES", only)


def test_the_champion_beats_recency_where_people_have_their_own_rhythm(churn_result):
    rows, champion = churn_result.backtests, churn_result.status.champion
    assert churn_result.status.status is Status.OK
    assert mean_metric(rows, champion, "auc") > mean_metric(rows, churn.RANK_BASELINE, "auc") + 0.01
    assert mean_metric(rows, champion, "brier") < mean_metric(rows, churn.BASELINE, "brier")


def test_every_candidate_stands_beside_the_baselines_at_three_origins(churn_result):
    rows = churn_result.backtests
    assert len({row.origin for row in rows}) == 3
    assert {row.candidate for row in rows if row.is_baseline} == {"recency_rank", "recency_logistic"}
    assert {row.candidate for row in rows if not row.is_baseline} == set(learners.CANDIDATES)
    per_origin = Counter((row.origin, row.metric) for row in rows)
    assert {per_origin[key] for key in per_origin if key[1] == "auc"} == {5}
    assert {per_origin[key] for key in per_origin if key[1] == "brier"} == {4}


def test_probabilities_are_calibrated_on_unseen_time(churn_result):
    assert mean_metric(churn_result.backtests, churn_result.status.champion, "calibration_error") < 0.07
    assert churn_result.artefact.card["calibrated"]


def test_everyone_who_bought_in_the_eligibility_window_is_scored(churn_result, shop, settings):
    keys = shop.sql(
        "select customer_key from customer.fct_orders where is_counted and ordered_on > $as_of::date - 365 "
        "group by customer_key order by customer_key",
        params={"as_of": settings.as_of},
    ).fetchall()
    assert churn_result.scores.schema.equals(CHURN_SCHEMA)
    assert churn_result.scores["customer_key"].to_pylist() == [row[0] for row in keys]


def test_risk_bands_follow_their_thresholds(churn_result):
    assert churn.risk_band(np.array([0.0, 0.333, 0.334, 0.666, 0.667, 1.0])).tolist() == [
        "low",
        "low",
        "medium",
        "medium",
        "high",
        "high",
    ]
    frame = churn_result.scores.to_pandas()
    assert set(frame["risk_band"]) == {"low", "medium", "high"}
    assert frame.groupby("risk_band")["churn_probability"].max().to_dict()["low"] < 1 / 3


def test_folds_train_only_on_labels_that_were_complete_at_the_test_origin(shop, settings):
    frame = churn.labelled_frame(shop, settings)
    splits = churn.splits(frame, HORIZON)
    assert [split.test for split in splits] == sorted(split.test for split in splits)
    assert splits[-1].test + timedelta(days=HORIZON) <= settings.as_of
    for split in splits:
        assert max(split.train) + timedelta(days=HORIZON) <= split.test
    assert all(later.test - split.test >= timedelta(days=HORIZON) for split, later in pairwise(splits))


def test_events_after_the_as_of_date_change_no_score(world, orders, logistic_only):
    as_of = world.AS_OF - timedelta(days=120)
    asked = ScoringSettings(as_of=as_of)
    today = churn.run(world.warehouse(orders, as_of), asked)
    days = [day if day <= as_of else day + timedelta(days=500) for day in orders["ordered_on"].to_pylist()]
    later = churn.run(world.warehouse(orders.set_column(2, "ordered_on", [days]), as_of), asked)
    assert today.status.status is Status.OK
    assert later.scores.equals(today.scores)
    assert later.backtests == today.backtests
    assert later.artefact.version == today.artefact.version


def test_a_warehouse_that_knows_more_gives_last_months_scores_again(world, orders, shop, logistic_only):
    # The grid of the newer warehouse reaches less far back, so the folds are limited to dates that both have.
    as_of = date(2023, 2, 28)
    asked = ScoringSettings(as_of=as_of)
    then, now = world.warehouse(orders, as_of), world.warehouse(orders)
    known = f"delete from features.customer_features where as_of_date < date '{date(2021, 7, 31)}'"
    then.execute(known)
    now.execute(known)
    assert churn.run(now, asked).scores.equals(churn.run(then, asked).scores)


def test_labels_lie_in_the_horizon_after_their_origin(world, orders, settings):
    # Moving every order that follows an origin beyond the horizon turns all labels of that origin to churned.
    origin = date(2023, 3, 31)
    days = [day if day <= origin else day + timedelta(days=HORIZON) for day in orders["ordered_on"].to_pylist()]
    moved = world.warehouse(orders.set_column(2, "ordered_on", [days]), world.AS_OF)
    plain = outcomes.churn_frame(world.warehouse(orders), [origin], 365, HORIZON, 10**6)
    frame = outcomes.churn_frame(moved, [origin], 365, HORIZON, 10**6)
    assert 0 < plain.churned.mean() < 1
    assert frame.churned.all()
    assert np.array_equal(frame.features, plain.features, equal_nan=True)


@pytest.mark.parametrize("candidate", learners.CANDIDATES)
def test_the_same_seed_gives_the_same_model_for_any_number_of_threads(candidate, shop, settings):
    frame = churn.labelled_frame(shop, settings)
    origins = sorted({day.item() for day in frame.origins})[:6]
    first, second = (
        churn.fit(frame, origins, learners.CANDIDATES[candidate], dataclasses.replace(settings, threads=threads))
        for threads in (1, 3)
    )
    both = [model.probability(outcomes.CHURN_FEATURES, frame.features) for model in (first, second)]
    assert np.array_equal(*both)


def test_a_second_run_gives_the_same_bytes(world, orders, settings, logistic_only):
    first, second = (churn.run(world.warehouse(orders, threads=threads), settings) for threads in (1, 3))
    assert first.scores.equals(second.scores)
    assert first.artefact.version == second.artefact.version
    assert first.plots == second.plots


def test_another_seed_is_another_version(shop, settings, logistic_only):
    other = dataclasses.replace(settings, seed=7)
    versions = {churn.run(shop, asked).artefact.version for asked in (settings, other)}
    assert len(versions) == 2


def test_scoring_refuses_features_other_than_those_of_the_training(churn_result):
    model = churn_result.artefact.fitted
    matrix = np.zeros((2, len(outcomes.CHURN_FEATURES)))
    with pytest.raises(learners.SchemaMismatchError, match="recency_days"):
        model.probability(outcomes.CHURN_FEATURES[1:], matrix[:, 1:])
    with pytest.raises(learners.SchemaMismatchError, match="order"):
        model.probability(outcomes.CHURN_FEATURES[::-1], matrix)


def test_scoring_in_batches_changes_nothing(monkeypatch, shop, settings, churn_result):
    monkeypatch.setattr(churn, "BATCH_ROWS", 64)
    again = churn.score(shop, settings, churn_result.artefact.fitted, churn_result.status.model_version)
    assert again["risk_band"].equals(churn_result.scores["risk_band"])
    assert np.allclose(again["churn_probability"], churn_result.scores["churn_probability"], rtol=0, atol=1e-12)


def test_a_short_history_is_insufficient_and_scores_nobody(world, orders):
    as_of = world.FIRST_DAY + timedelta(days=200)
    result = churn.run(world.warehouse(orders, as_of), ScoringSettings(as_of=as_of))
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert result.status.reason.startswith("Needs 270 days of orders; has ")
    assert result.scores.schema.equals(CHURN_SCHEMA)
    assert (len(result.scores), result.artefact) == (0, None)


def test_too_few_people_of_one_label_is_insufficient_data(world):
    result = churn.run(world.warehouse(world.simulate_orders(90, seed=2)), ScoringSettings(as_of=world.AS_OF))
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert result.status.reason.startswith("Needs 100 people who churned and 100 who stayed; has ")


def test_a_shop_without_orders_is_insufficient_data(world, settings):
    result = churn.run(world.warehouse(world.orders_table([])), settings)
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert result.status.reason == "Needs 270 days of orders; has 0."


def test_losing_to_recency_is_said_and_scores_nobody(monkeypatch, shop, settings):
    def guess(seed, rows, threads):
        blind = learners.FunctionTransformer(lambda matrix: matrix[:, :1] * 0 + (matrix[:, [7]] % 2))
        return learners.Pipeline([("blind", blind), ("model", learners.LogisticRegression())])

    monkeypatch.setattr(learners, "CANDIDATES", {"guess": guess})
    result = churn.run(shop, settings)
    assert result.status.status is Status.WORSE_THAN_BASELINE
    assert "recency alone has" in result.status.reason
    assert len(result.scores) == 0


def test_no_test_origin_without_an_earlier_origin_to_learn_from():
    frame = outcomes.ChurnFrame(
        np.arange(4), np.array(["2023-01-31"] * 4, dtype="datetime64[D]"), np.zeros((4, 2)), np.array([0, 1, 0, 1])
    )
    with pytest.raises(NotEnoughDataError, match="a whole horizon before"):
        churn.splits(frame, HORIZON)


def test_plots_show_the_backtest_the_calibration_and_the_gains(churn_result):
    assert [title.split(":")[1].split()[0] for title in churn_result.plots] == ["AUC", "calibration", "gains"]
