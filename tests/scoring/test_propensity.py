"""Propensity: who orders within 30 days, and what they buy."""

from datetime import timedelta

import numpy as np
import pytest

from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.questions.category_propensity import CategoryPropensity
from crm_pipeline.scoring.questions.propensity import Propensity
from crm_pipeline.scoring.run import run


class QuickPropensity(Propensity):
    candidates = ("logistic_regression",)


class QuickCategories(CategoryPropensity):
    candidates = ("logistic_regression",)


def with_products(world, orders, as_of):
    """A shop where each person likes one of three categories, and buys it in nine orders of ten."""
    warehouse = world.warehouse(orders, as_of)
    warehouse.execute(
        """
        create table customer.dim_products as
        select n::bigint as product_key, 'Shop > ' || ['Bread', 'Books', 'Bulbs'][n] || ' > kind' as category_path
        from range(1, 4) as numbers(n);
        create table customer.fct_order_lines as
        select order_key as line_key, order_key, customer_key, ordered_on, 'sale' as kind, 'completed' as status,
            case when order_key % 10 = 0 then 1 + order_key % 3 else 1 + customer_key % 3 end as product_key
        from customer.fct_orders where is_counted
        """
    )
    return warehouse


@pytest.fixture(scope="module")
def bought(world, orders, settings, tmp_path_factory):
    warehouse = with_products(world, orders, world.AS_OF)
    return run(QuickCategories(), warehouse, settings, tmp_path_factory.mktemp("registry"))


def test_the_propensity_beats_recency_where_people_have_their_own_rhythm(shop, settings, tmp_path):
    result = run(QuickPropensity(), shop, settings, tmp_path)
    eligible = "select count(*) from features.customer_features where as_of_date = $as_of and recency_days < 730"
    assert result.status.status is Status.OK
    assert len(result.scores) == shop.sql(eligible, params={"as_of": settings.as_of}).fetchall()[0][0]


@pytest.mark.parametrize(("model", "made"), [(QuickPropensity(), None), (QuickCategories(), with_products)])
def test_events_after_the_as_of_date_change_no_score(model, made, world, orders, tmp_path):
    as_of = world.AS_OF - timedelta(days=120)
    days = [day if day <= as_of else day + timedelta(days=500) for day in orders["ordered_on"].to_pylist()]
    warehouse = made or (lambda world, orders, as_of: world.warehouse(orders, as_of))
    both = [
        run(model, warehouse(world, rows, as_of), ScoringSettings(as_of=as_of), tmp_path / str(place))
        for place, rows in enumerate((orders, orders.set_column(2, "ordered_on", [days])))
    ]
    assert both[0].report.backtests == both[1].report.backtests
    assert both[0].scores.equals(both[1].scores)
    assert len(both[0].report.backtests) > 0


def test_every_recent_buyer_has_one_row_per_category(bought, churn_result):
    assert bought.status.status is Status.OK, bought.status.reason
    assert bought.scores["customer_key"].unique().to_pylist() == churn_result.scores["customer_key"].to_pylist()
    assert set(bought.scores["category"].to_pylist()) == {"Shop > Bread", "Shop > Books", "Shop > Bulbs"}
    assert len(bought.scores) == 3 * len(churn_result.scores)


def test_the_category_that_a_person_likes_is_the_likeliest(bought):
    scores = bought.scores.to_pandas()
    best = scores.loc[scores.groupby("customer_key")["probability"].idxmax()]
    liked = best["customer_key"].map(lambda key: "Shop > " + ["Bread", "Books", "Bulbs"][key % 3])
    assert (best["category"] == liked).mean() > 0.95


def test_new_is_what_a_person_never_bought(bought, world, orders, settings):
    warehouse = with_products(world, orders, world.AS_OF)
    rows = warehouse.sql(
        "select distinct customer_key, product_key from customer.fct_order_lines where ordered_on <= $as_of",
        params={"as_of": settings.as_of},
    ).fetchall()
    known = set(rows)
    place = {"Shop > Bread": 1, "Shop > Books": 2, "Shop > Bulbs": 3}
    for row in bought.scores.to_pylist():
        assert row["is_new"] == ((row["customer_key"], place[row["category"]]) not in known)


def test_how_well_something_new_is_ranked_is_shown_beside_all(bought):
    shown = {row.candidate for row in bought.report.backtests if row.metric == "auc_something_new"}
    assert shown == {"logistic_regression", *CategoryPropensity.baselines}


def test_a_shop_without_categories_is_insufficient_data(world, orders, settings, tmp_path):
    warehouse = with_products(world, orders, world.AS_OF)
    warehouse.execute("update customer.dim_products set category_path = null")
    result = run(QuickCategories(), warehouse, settings, tmp_path)
    assert result.status.reason == "Needs orders of 2 product categories in 12 months; has 0."


def test_probabilities_lie_between_none_and_all(bought):
    values = bought.scores["probability"].to_numpy()
    assert np.all((values > 0) & (values < 1))
