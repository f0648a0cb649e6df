"""Labels lie strictly after their origin, features up to it, and a cap takes the same people everywhere."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pytest

from crm_pipeline.scoring import features
from crm_pipeline.scoring.model import SchemaMismatchError
from crm_pipeline.scoring.questions import labels
from crm_pipeline.scoring.questions.labels import SEASON, Question

CUTOFF = date(2022, 1, 31)
DAY = timedelta(days=1)
CHURN = Question(90, 365, yes_is_an_order=False)


def frame(warehouse, question, origins, as_of=CUTOFF, max_rows=10**6):
    return question.frame(warehouse, question.names(warehouse, as_of), origins, max_rows)


@pytest.fixture(scope="module")
def around(world):
    """Six people around the cutoff: an order on it, a day after, on the horizon's last day, and a day too late."""
    rows = []
    for key, days_after in ((1, 0), (2, 1), (3, 90), (4, 91)):
        rows += [(key, CUTOFF - 10 * DAY, True, 10.0), (key, CUTOFF + days_after * DAY, True, 10.0)]
    rows += [(5, CUTOFF - 365 * DAY, True, 10.0), (6, CUTOFF - 364 * DAY, True, 10.0), (6, CUTOFF + DAY, False, -9.0)]
    return world.warehouse(world.orders_table(rows), CUTOFF)


def test_churned_is_who_places_no_counted_order_in_the_horizon(around):
    found = frame(around, CHURN, [CUTOFF])
    # 1 bought on the cutoff itself, 4 a day too late, 5 is not asked about, 6 only returned something.
    assert dict(zip(found.keys.tolist(), found.labels.tolist(), strict=True)) == {1: 1, 2: 0, 3: 0, 4: 1, 6: 1}


def test_who_orders_is_who_does_not_churn(around):
    bought = frame(around, Question(90, 365, yes_is_an_order=True), [CUTOFF])
    assert np.array_equal(bought.labels, 1 - frame(around, CHURN, [CUTOFF]).labels)


def test_moving_all_later_orders_changes_labels_and_no_feature(world, orders):
    origin = date(2023, 3, 31)
    plain = frame(world.warehouse(orders), CHURN, [origin], origin)
    days = [day if day <= origin else day + 90 * DAY for day in orders["ordered_on"].to_pylist()]
    moved = frame(world.warehouse(orders.set_column(2, "ordered_on", [days])), CHURN, [origin], origin)
    assert 0 < plain.labels.mean() < 1
    assert moved.labels.all()
    assert plain.names == moved.names
    assert np.array_equal(moved.features, plain.features, equal_nan=True)


def test_a_cap_takes_the_same_people_at_every_origin(shop, world):
    origins = labels.origins_on_grid(shop, world.AS_OF)
    everybody = frame(shop, CHURN, origins)
    sample = frame(shop, CHURN, origins, max_rows=len(everybody) // 10)
    assert 0.05 * len(everybody) < len(sample) < 0.15 * len(everybody)
    assert len(sample) == np.isin(everybody.keys, np.unique(sample.keys)).sum()


def test_models_learn_from_the_kept_sample_and_score_everybody(shop, world):
    own = world.warehouse(shop.sql("from customer.fct_orders").to_arrow_table())
    own.execute(
        "create or replace view features.sampled_features as from features.customer_features where customer_key % 4 = 0"
    )
    names = CHURN.names(own, world.AS_OF)
    learned = frame(own, CHURN, labels.origins_with_answers(own, world.AS_OF, 90))
    scored = CHURN.reader(own, names, world.AS_OF, 1000).read_all()["customer_key"].to_numpy()
    compared = CHURN.reader(own, names, world.AS_OF, 1000, max_rows=10**6).read_all()["customer_key"].to_numpy()
    assert set(learned.keys % 4) == {0}
    assert set(scored % 4) == {0, 1, 2, 3}
    assert np.array_equal(compared, scored[scored % 4 == 0])


def test_the_season_is_the_share_that_the_same_weeks_had_a_year_ago(world):
    """Ten orders in the 90 days a year ago, ten in the other 275: these weeks are twice 365 / 180 as busy."""
    early = [(key, CUTOFF - 364 * DAY, True, 5.0) for key in range(10)]
    late = [(key, CUTOFF - 10 * DAY, True, 5.0) for key in range(10)]
    older = [(key, CUTOFF - 400 * DAY, True, 5.0) for key in range(10)]
    with_history = frame(world.warehouse(world.orders_table(early + late + older), CUTOFF), CHURN, [CUTOFF])
    without = frame(world.warehouse(world.orders_table(early + late), CUTOFF), CHURN, [CUTOFF])
    assert with_history.column(SEASON) == pytest.approx(np.full(10, 0.5 * 365 / 90), abs=1e-6)
    assert np.isnan(without.column(SEASON)).all()


def test_origins_have_a_horizon_before_them_and_one_after_them(shop, world, orders):
    found = labels.origins_with_answers(shop, world.AS_OF, 90)
    first = min(orders["ordered_on"].to_pylist())
    assert found == sorted(found)
    assert found[0] >= first + 90 * DAY
    assert found[-1] + 90 * DAY <= world.AS_OF


@pytest.fixture
def typed(monkeypatch):
    marked = features.model_inputs() | {"first_seen_on"}
    monkeypatch.setattr(features, "model_inputs", lambda: marked)
    connection = duckdb.connect()
    connection.execute(
        "create schema features; create table features.customer_features as "
        "select 1::bigint as customer_key, date '2022-01-31' as as_of_date, 5 as recency_days, 10.0 as mean_gap_days, "
        "true as is_member, date '2022-01-01' as first_seen_on, 'gold' as tier, 'x' as gender, "
        "null::date as last_order_on "
        "union all select 2, date '2022-01-31', 6, null, null, null, null, 'y', null"
    )
    return connection


def test_columns_become_numbers_by_their_type(typed):
    names = features.feature_names(typed, CUTOFF)
    rows = typed.sql(
        f"select {features.select_list(typed, names)} from features.customer_features order by customer_key"
    )
    assert names == ("recency_days", "mean_gap_days", "is_member", "first_seen_on", "tier=gold", "recency_to_gap")
    found = features.matrix(rows.to_arrow_table(), names)
    assert found[0].tolist() == [5, 10, 1, 30, 1, 0.5]
    assert np.array_equal(found[1], [6, np.nan, np.nan, np.nan, 0, np.nan], equal_nan=True)


def test_features_that_are_gone_are_refused(typed):
    with pytest.raises(SchemaMismatchError, match="shoe_size"):
        features.select_list(typed, ["recency_days", "shoe_size"])


def test_a_text_with_quotes_is_only_a_value(typed):
    typed.execute("update features.customer_features set tier = 'o''hara\"; drop' where customer_key = 1")
    names = features.feature_names(typed, CUTOFF)
    rows = typed.sql(
        f"select {features.select_list(typed, names)} from features.customer_features order by customer_key"
    )
    assert features.matrix(rows.to_arrow_table(), names)[:, names.index("tier=o'hara\"; drop")].tolist() == [1, 0]
