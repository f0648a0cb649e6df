"""Loyalty: behaviour and attitude side by side, and the stage that both give."""

import numpy as np
import pytest

from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.questions.learners import linear_regression
from crm_pipeline.scoring.questions.loyalty import Attitude, Loyalty, stage, stated
from crm_pipeline.scoring.run import run


@pytest.fixture(scope="module")
def asked(world, orders, settings, tmp_path_factory):
    """A shop that asked every third person for a recommendation: frequent buyers are the content ones."""
    warehouse = world.warehouse(orders)
    warehouse.execute(
        "create or replace table features.customer_features as select *, case when customer_key % 3 = 0 "
        "then least(10, 3 + orders_12m)::double end as last_nps from features.customer_features"
    )
    return run(Loyalty(), warehouse, settings, tmp_path_factory.mktemp("registry"))


def test_the_champion_beats_the_own_repurchase_rate(asked):
    assert asked.status.status is Status.OK, asked.status.reason


def test_figures_of_three_kinds_stand_side_by_side(asked):
    metrics = {row.metric for row in asked.report.backtests if row.candidate == "decision_tree"}
    assert {"auc", "auc_cross_validated", "auc_in_sample"} <= metrics
    inside, outside = (
        np.mean(
            [row.value for row in asked.report.backtests if (row.candidate, row.metric) == ("decision_tree", metric)]
        )
        for metric in ("auc_in_sample", "auc")
    )
    assert inside > outside


def test_a_stated_attitude_is_taken_as_it_is_and_another_estimated(asked):
    rows = asked.scores.to_pandas()
    said = rows[rows["customer_key"] % 3 == 0]
    assert not said["attitude_is_estimated"].any()
    assert rows[rows["customer_key"] % 3 != 0]["attitude_is_estimated"].all()
    assert asked.report.card["attitude"]["r2_cross_validated"] > 0.3


def test_the_score_is_the_mean_of_behaviour_and_attitude(asked):
    rows = asked.scores.to_pandas()
    assert np.allclose(rows["loyalty_score"], 50 * (rows["behavioural"] + rows["attitudinal"]))
    assert rows["loyalty_score"].between(0, 100).all()
    assert set(rows["loyalty_stage"]) == {"true", "latent", "spurious", "none"}


def test_a_shop_that_asks_nobody_has_behaviour_alone(shop, settings, tmp_path):
    scores = run(Loyalty(), shop, settings, tmp_path).scores.to_pandas()
    assert np.allclose(scores["loyalty_score"], 100 * scores["behavioural"])
    assert scores[["attitudinal", "attitude_is_estimated", "loyalty_stage"]].isna().all().all()


def test_stages_are_those_of_attitude_against_patronage():
    attitude = Attitude(linear_regression(0, 1, 1), (), mean=0.7, r2=0.0)
    found = stage(np.array([0.9, 0.9, 0.1, 0.1]), np.array([0.8, 0.2, 0.8, 0.2]), attitude)
    assert found.tolist() == ["true", "spurious", "latent", "none"]


def test_the_first_survey_that_was_answered_counts():
    rows = np.array([[8.0, 0.5], [np.nan, 0.25], [np.nan, np.nan]])
    assert np.array_equal(stated(rows, ("last_nps", "last_csat")), [0.8, 0.25, np.nan], equal_nan=True)
