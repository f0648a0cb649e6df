"""Histories end at the cutoff, outcomes start after it, and both say what the feature table says."""

from datetime import date, timedelta

import numpy as np
import pytest

from crm_pipeline.scoring import outcomes

CUTOFF = date(2022, 1, 31)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def few(world):
    """One person around the cutoff: two orders on one day, a return, an order on the cutoff, two after it."""
    rows = [
        (1, CUTOFF - 100 * DAY, True, 100.0),
        (1, CUTOFF - 60 * DAY, True, 10.0),
        (1, CUTOFF - 60 * DAY, True, 30.0),
        (1, CUTOFF - 50 * DAY, False, -20.0),
        (1, CUTOFF, True, 60.0),
        (1, CUTOFF + DAY, True, 500.0),
        (1, CUTOFF + 30 * DAY, True, 700.0),
        (1, CUTOFF + 31 * DAY, True, 900.0),
        (2, CUTOFF + DAY, True, 5.0),
        (3, CUTOFF - DAY, False, -5.0),
        (None, CUTOFF - DAY, True, 5.0),
    ]
    return world.warehouse(world.orders_table(rows), CUTOFF)


def test_a_history_counts_days_up_to_and_with_the_cutoff(few):
    assert outcomes.purchase_history(few, CUTOFF).to_pylist() == [
        {
            "customer_key": 1,
            "x": 2,
            "t_x": 100,
            "age": 100,
            "mean_value": 20.0,  # (16 + 24) / 2, the first order day left out
            "value_total": 80.0,
            "margin_historic": 72.0,
            "margin_last_year": 72.0,
        }
    ]


def test_returns_lower_the_net_share(few):
    assert outcomes.net_share(few, CUTOFF) == pytest.approx(72 / 80)


def test_outcomes_start_the_day_after_and_end_with_the_last_day(few):
    found = outcomes.outcomes(few, CUTOFF, CUTOFF + 30 * DAY).to_pylist()
    assert found == [
        {"customer_key": 1, "orders": 2, "margin": 480.0},
        {"customer_key": 2, "orders": 1, "margin": 2.0},
    ]


def test_histories_agree_with_the_feature_table(shop, world):
    own = outcomes.purchase_history(shop, world.AS_OF).to_pandas().set_index("customer_key")
    theirs = (
        shop.sql(
            "select customer_key, order_days - 1 as x, t_x_days as t_x, age_days as age, "
            "margin_lifetime::double as margin_historic from features.customer_features "
            "where as_of_date = $as_of and order_days > 0",
            params={"as_of": world.AS_OF},
        )
        .df()
        .set_index("customer_key")
        .sort_index()
    )
    assert len(own) > 800
    assert np.allclose(own[theirs.columns], theirs)


def test_distinct_histories_stand_for_all_people(shop, world):
    people = outcomes.purchase_history(shop, world.AS_OF)
    tuples = outcomes.history_tuples(shop, world.AS_OF).to_pandas()
    assert tuples["people"].sum() == people.num_rows
    assert (tuples["people"] * tuples["x"]).sum() == sum(people["x"].to_pylist())


def test_the_label_is_no_counted_order_in_the_horizon(world):
    rows = []
    for key, days_after in ((1, 0), (2, 1), (3, 90), (4, 91)):
        rows += [(key, CUTOFF - 10 * DAY, True, 10.0), (key, CUTOFF + days_after * DAY, True, 10.0)]
    rows += [(5, CUTOFF - 365 * DAY, True, 10.0), (6, CUTOFF - 364 * DAY, True, 10.0), (6, CUTOFF + DAY, False, -9.0)]
    frame = outcomes.churn_frame(world.warehouse(world.orders_table(rows), CUTOFF), [CUTOFF], 365, 90, 1000)
    # 1 bought on the cutoff itself, 4 a day too late, 5 is not eligible, 6 only returned something.
    assert dict(zip(frame.keys.tolist(), frame.churned.tolist(), strict=True)) == {1: 1, 2: 0, 3: 0, 4: 1, 6: 1}


def test_a_cap_takes_the_same_people_at_every_origin(shop, world):
    origins = outcomes.origins_on_grid(shop, world.AS_OF)
    shop_wide = outcomes.churn_frame(shop, origins, 365, 90, 10**9)
    sample = outcomes.churn_frame(shop, origins, 365, 90, len(shop_wide) // 10)
    assert 0.05 * len(shop_wide) < len(sample) < 0.15 * len(shop_wide)
    kept = set(sample.keys.tolist())
    assert len(sample) == sum(key in kept for key in shop_wide.keys.tolist())
