"""Shops that nobody here made publish on their first run: what their files hold, with statuses that are honest.

Each shop is one test: a run takes a minute. Its figures are counted by its generator, its release is read by another
process.
"""

from collections import Counter
from decimal import Decimal

import pytest

from crm_pipeline.scoring.outcome import Status
from tests.end_to_end.conftest import Deployment
from tests.shops.invented import Shop
from tests.shops.reading import NO_FIGURE, ask, endless_figures, report_text, statuses, told
from tests.shops.shops import SHOPS

FAST = ("everybody_bought_once",)
HONEST = {Status.OK, Status.INSUFFICIENT_DATA, Status.WORSE_THAN_BASELINE}
#: What is said of a person who has bought more than once, and of no other.
REGULARS = ("Champions", "Loyal")


def assert_published(shop: Shop, deployment: Deployment) -> None:
    """The release, its tables and its report say of the shop what its files hold, and no figure is none."""
    assert told(deployment) == (shop.totals(), shop.totals())
    assert endless_figures(deployment) == []
    text = report_text(deployment)
    assert NO_FIGURE.findall(text) == []
    for figure in (f"{shop.totals().people:,}", f"{shop.totals().orders:,}"):
        assert figure in text
    assert set(statuses(deployment).values()) <= HONEST
    assert_names_are_true(deployment)


def assert_names_are_true(deployment: Deployment) -> None:
    """Regulars have come back; nobody has a probability outside 0 and 1, or is worth an absurd multiple."""
    names = ", ".join(f"'{name}'" for name in REGULARS)
    ((called, odd, absurd),) = ask(
        deployment,
        f"""
        select
            count(*) filter (where rfm_segment in ({names}) and orders_lifetime < 2),
            count(*) filter (
                where not coalesce(churn_probability, 0) between 0 and 1 or not coalesce(p_alive, 0) between 0 and 1
                or not coalesce(purchase_probability, 0) between 0 and 1 or expected_orders < 0
                or clv_predicted < 0 or not coalesce(clv_predicted between clv_lower and clv_upper, true)
            ),
            count(*) filter (where clv_predicted > 20 * greatest(margin_lifetime, 1))
        from marts.customer_360
        """,
    )[0]
    assert (called, odd, absurd) == (0, 0, 0)


def assert_nobody_is_scored(deployment: Deployment, *columns: str) -> None:
    counts = ", ".join(f"count({column})" for column in columns)
    assert ask(deployment, f"select {counts} from marts.customer_360") == [[(0,) * len(columns)]]


def bought_once(shop: Shop, deployment: Deployment) -> None:
    """Nobody came back, so that nothing can be learned of coming back, and nobody is told to have."""
    learned = statuses(deployment)
    assert {learned[name] for name in ("churn", "clv", "loyalty", "propensity")} == {Status.INSUFFICIENT_DATA}
    assert_nobody_is_scored(deployment, "churn_probability", "clv_predicted", "loyalty_stage", "purchase_probability")
    (stages, returning) = ask(
        deployment,
        "select distinct lifecycle_stage from marts.customer_360",
        "select distinct value from marts.kpi_scorecard where kpi = 'repurchase_rate' and value is not null",
    )
    assert {stage for (stage,) in stages} <= {"introduction", "decline", "churned"}
    assert returning == [(0.0,)]


def one_price(shop: Shop, deployment: Deployment) -> None:
    """Nobody can pay more than once a month, and whoever pays is alive."""
    (orders, margins) = ask(
        deployment,
        "select distinct revenue from customer.fct_orders",
        "select max(clv_predicted), max(expected_orders), max(avg_order_value) from marts.customer_360",
    )
    assert [Decimal(str(revenue)) for (revenue,) in orders] == [Decimal("19.90")]
    value, expected, average = margins[0]
    assert value is None or value <= 14 * 19.90 * 0.35
    assert expected is None or expected <= 14
    assert Decimal(average) == Decimal("19.90")


def one_customer(shop: Shop, deployment: Deployment) -> None:
    """The large customer has its share, and does not make the others' values."""
    counted = Counter(purchase.buyer for purchase in shop.known_purchases())
    (rows,) = ask(
        deployment,
        "select orders_lifetime, revenue_lifetime, clv_predicted from marts.customer_360 order by orders_lifetime desc",
    )
    assert rows[0][0] == counted["C00000"] == round(0.3 * len(shop.known_purchases()))
    assert [row[0] for row in rows] == sorted(counted.values(), reverse=True) + [0] * (len(rows) - len(counted))
    values = [row[2] for row in rows if row[2] is not None]
    assert values == [] or (max(values) == rows[0][2] and sorted(values)[-2] < 0.1 * max(values))


def opened_lately(shop: Shop, deployment: Deployment) -> None:
    """Three weeks teach no model anything."""
    assert set(statuses(deployment).values()) == {Status.INSUFFICIENT_DATA}
    assert_nobody_is_scored(deployment, "churn_probability", "clv_predicted", "p_alive", "loyalty_score", "persona")


def refunds_at_the_end(shop: Shop, deployment: Deployment) -> None:
    """The last month has revenue below nothing, no order, and no share of nothing; nobody has given back too much."""
    refunds = [purchase for purchase in shop.known_purchases() if not purchase.is_sale]
    (facts, scores, overdrawn) = ask(
        deployment,
        """
        select sum(revenue), count(*) filter (where is_counted), count(*) from customer.fct_orders
        where ordered_on >= date '2023-11-01'
        """,
        """
        select kpi, value, status from marts.kpi_scorecard where dimension = 'all' and month = date '2023-11-01'
        and is_complete and kpi in ('revenue', 'orders', 'return_rate', 'average_order_value')
        """,
        "select count(*) from marts.customer_360 where revenue_lifetime < 0",
    )
    given_back = sum(purchase.amount for purchase in refunds)
    assert (Decimal(str(facts[0][0])), *facts[0][1:]) == (given_back, 0, len(refunds))
    assert {kpi: value for kpi, value, _ in scores} == {
        "revenue": float(given_back),
        "orders": 0,
        "return_rate": None,
        "average_order_value": None,
    }
    assert {status for kpi, _, status in scores if kpi in ("return_rate", "average_order_value")} == {"no_data"}
    assert overdrawn == [(0,)]


def without_dates(shop: Shop, deployment: Deployment) -> None:
    """Who never ordered is a prospect, and no date is made up for anybody."""
    buying = {purchase.buyer for purchase in shop.known_purchases()}
    (stages, dates) = ask(
        deployment,
        "select count(*) filter (where lifecycle_stage = 'prospect'), count(*) filter (where orders_lifetime = 0) "
        "from marts.customer_360",
        "select count(known_since), count(*) from marts.customer_360 where orders_lifetime = 0",
    )
    idle = sum(buyer.id not in buying for buyer in shop.buyers)
    assert stages == [(idle, idle)]
    assert dates == [(0, idle)]


def full_export(shop: Shop, deployment: Deployment) -> None:
    """Who is not in the newest export is no customer of the shop."""
    (profiles,) = ask(deployment, "select count(*) from customer.dim_customers where has_profile")
    assert profiles == [(len({buyer.id for buyer in shop.buyers if buyer.joined <= shop.last_day}),)]


def in_the_past(shop: Shop, deployment: Deployment) -> None:
    """Nothing is known that came later, and what came later is held back and counted."""
    (days, held_back) = ask(
        deployment,
        "select max(ordered_on), max(profile_since) from customer.fct_orders, customer.dim_customers",
        "select value from marts.data_quality where metric = 'rows_held_back' and subject = 'orders'",
    )
    assert all(day <= shop.last_day.isoformat() for day in days[0] if day)
    assert held_back == [(len(shop.purchases) - len(shop.known_purchases()),)]


FACTS = {
    "everybody_bought_once": bought_once,
    "one_price_subscriptions": one_price,
    "one_customer_has_a_third_of_all_orders": one_customer,
    "three_weeks_old": opened_lately,
    "only_refunds_in_the_last_month": refunds_at_the_end,
    "customers_without_any_date": without_dates,
    "a_full_export_that_loses_customers": full_export,
    "as_of_a_day_before_most_customers": in_the_past,
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in SHOPS])
def test_a_shop_of_odd_shape_publishes_on_its_first_run(name, first_run):
    shop, deployment = first_run(name)
    assert_published(shop, deployment)
    FACTS[name](shop, deployment)
