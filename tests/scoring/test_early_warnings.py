"""Early warnings are measured against a person's own history."""

from datetime import date

import numpy as np
import pytest

from crm_pipeline.scoring.questions import early_warnings
from crm_pipeline.scoring.questions.early_warnings import SIGNALS, lifts, warn
from crm_pipeline.scoring.questions.labels import Frame

RULES = {signal.name: signal for signal in SIGNALS}


def strength(name, **values):
    found = RULES[name].strength(lambda feature: np.array([float(values[feature])]))
    return float(found[0])


def test_the_same_silence_warns_of_who_orders_weekly_and_not_of_who_orders_yearly():
    assert strength("overdue", recency_days=60, mean_gap_days=7, sd_gap_days=5) == 1
    assert strength("overdue", recency_days=60, mean_gap_days=365, sd_gap_days=30) == 0


def test_half_of_the_usual_orders_is_a_drop_of_one_half():
    assert strength("frequency_drop", orders_90d=2, order_days=16, age_days=360) == pytest.approx(0.5)


def test_who_has_hardly_ordered_has_no_history_to_fall_from():
    assert np.isnan(strength("frequency_drop", orders_90d=0, order_days=2, age_days=360))
    assert np.isnan(strength("engagement_down", sessions_90d=0, sessions_prev_90d=1))


def test_more_complaints_are_a_signal_and_fewer_are_none():
    assert strength("complaints_up", tickets_90d=2, tickets_prev_90d=0) == pytest.approx(0.75)
    assert strength("complaints_up", tickets_90d=1, tickets_prev_90d=3) == 0


def test_points_in_use_are_no_signal():
    assert strength("points_unused", points_balance=90, points_earned_12m=100, points_redeemed_12m=0) == 0.9
    assert strength("points_unused", points_balance=90, points_earned_12m=100, points_redeemed_12m=10) == 0


def test_a_signal_without_its_channel_is_silent(shop, settings):
    told = set(warn(shop, settings).table["signal"].to_pylist())
    assert told == {"overdue", "frequency_drop", "spend_drop"}


def test_warnings_are_of_recent_buyers_and_say_since_when(shop, settings, churn_result):
    table = warn(shop, settings).table
    assert table.schema.equals(early_warnings.TABLE.schema)
    assert set(table["customer_key"].to_pylist()) < set(churn_result.scores["customer_key"].to_pylist())
    assert table["customer_key"].to_pylist() == sorted(table["customer_key"].to_pylist())
    assert max(table["since"].to_pylist()) <= settings.as_of
    assert table["sentence"].null_count == 0


def test_each_signal_foretells_churn_where_people_leave_for_good(shop, settings):
    found = warn(shop, settings).backtests
    assert len({row.origin for row in found}) == 3
    assert np.mean([row.value for row in found if row.candidate == "overdue"]) > 1.1


def test_the_lift_is_taken_among_those_whom_the_signal_can_judge():
    names = ("recency_days", "orders_90d", "order_days", "age_days")
    rows = np.array([[1, 0, 8, 360], [1, 2, 8, 360], [1, 0, 1, 360], [1, 0, 1, 360]], dtype=float)
    day = np.array(["2023-01-31"] * 4, dtype="datetime64[D]")
    frame = Frame(np.arange(4), day, rows, np.array([1, 0, 1, 1]), names)
    found = lifts(frame, [RULES["frequency_drop"]])
    assert [(row.origin, row.value, row.people) for row in found] == [(date(2023, 1, 31), 2.0, 1)]
