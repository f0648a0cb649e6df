"""Histories end at the cutoff, margins start after it, and both say what the feature table says."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from crm_pipeline.scoring.lifetime import purchases

CUTOFF = date(2022, 1, 31)
DAY = timedelta(days=1)
ALL = 10**6


def history(connection, cutoff, share=1.0):
    return purchases.purchase_history(connection, cutoff, ALL, share).read_all()


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
    touches = [
        (1, CUTOFF - 9 * DAY, "web_session", "inbound"),
        (1, CUTOFF - 95 * DAY, "ticket_opened", "inbound"),
        (1, CUTOFF - 2 * DAY, "campaign_sent", "outbound"),
        (1, CUTOFF - DAY, "order", "inbound"),
        (1, CUTOFF + DAY, "web_session", "inbound"),
    ]
    columns = zip(("customer_key", "occurred_on", "kind", "direction"), zip(*touches, strict=True), strict=True)
    return world.warehouse(world.orders_table(rows), CUTOFF, touchpoints=pa.table(dict(columns)))


def test_a_history_counts_days_up_to_and_with_the_cutoff(few):
    assert history(few, CUTOFF).to_pylist() == [
        {
            "customer_key": 1,
            "x": 2,
            "t_x": 100,
            "age": 100,
            "mean_value": 20.0,  # (16 + 24) / 2, the first order day left out
            "value_total": 80.0,
            "margin_historic": 72.0,
            "margin_365d": 72.0,
            "margin_90d": 32.0,
            "occasions_365d": 3,
            "occasions_90d": 2,
            "contact_days": 9,
            "visit_days": 9,
            "ticket_days": 95,
            "contacts_90d": 1,
            "tickets": 1,
        }
    ]


def test_returns_lower_the_net_share(few):
    assert purchases.net_share(history(few, CUTOFF)) == pytest.approx(72 / 80)


def test_outcomes_start_the_day_after_and_end_with_the_last_day(few):
    found = purchases.outcomes(few, CUTOFF, CUTOFF + 30 * DAY).to_pylist()
    assert found == [
        {"customer_key": 1, "orders": 2, "margin": 480.0},
        {"customer_key": 2, "orders": 1, "margin": 2.0},
    ]


def test_margins_after_stand_by_their_people_and_are_nothing_for_who_did_nothing(few):
    assert purchases.margin_after(few, np.array([1, 2, 9]), CUTOFF, CUTOFF + 30 * DAY).tolist() == [480.0, 2.0, 0.0]
    assert purchases.margin_after(few, np.array([1, 2]), CUTOFF + 900 * DAY, CUTOFF + 999 * DAY).tolist() == [0.0, 0.0]


def test_a_refund_is_not_known_before_its_day(world):
    rows = [(1, CUTOFF - 40 * DAY, True, 100.0), (1, CUTOFF - 10 * DAY, True, 50.0)]
    plain = world.orders_table(rows)
    # 10 of the second order's margin (20) are given back after the cutoff: the order's row says 10 at once.
    money = pa.decimal128(18, 2)
    refunded = (
        plain.set_column(5, "margin", pa.array([Decimal(40), Decimal(10)], money))
        .set_column(6, "refunded_margin", pa.array([Decimal(0), Decimal(10)], money))
        .set_column(7, "refunded_on", pa.array([None, CUTOFF + 5 * DAY], pa.date32()))
    )
    before, after = (world.warehouse(table, CUTOFF) for table in (plain, refunded))
    assert history(after, CUTOFF).equals(history(before, CUTOFF))
    assert purchases.outcomes(after, CUTOFF, CUTOFF + 30 * DAY)["margin"].to_pylist() == [-10.0]
    assert history(after, CUTOFF + 5 * DAY)["margin_historic"].to_pylist() == [50.0]


def test_histories_agree_with_the_feature_table(shop, world):
    own = history(shop, world.AS_OF).to_pandas().set_index("customer_key")
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
    people = history(shop, world.AS_OF)
    tuples = purchases.history_tuples(people).to_pandas()
    assert tuples["people"].sum() == people.num_rows == purchases.buyers(shop, world.AS_OF)
    assert (tuples["people"] * tuples["x"]).sum() == sum(people["x"].to_pylist())


def test_a_share_takes_the_same_people_at_every_cutoff(shop, world):
    now, before = (
        set(history(shop, cutoff, 0.2)["customer_key"].to_pylist()) for cutoff in (world.AS_OF, world.AS_OF - 500 * DAY)
    )
    assert before < now
    assert 0.15 < len(now) / purchases.buyers(shop, world.AS_OF) < 0.25
    everybody = set(history(shop, world.AS_OF - 500 * DAY)["customer_key"].to_pylist())
    assert before == now & everybody
