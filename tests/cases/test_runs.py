"""Shops that are merely unusual publish on their first run, and what cannot be said of them is said so."""

import duckdb
import pytest

from crm_pipeline.scoring.outcome import Status


@pytest.fixture(scope="module")
def published(tmp_path_factory, request):
    """Run a case once for all that is asked of it; its serving file, opened as a BI tool does."""
    from tests.cases.conftest import Case

    case = Case(request.param, tmp_path_factory.mktemp(request.param))
    outcome = case.deployment.run()
    assert outcome.problems == []
    with duckdb.connect(str(case.settings.serving_file), read_only=True) as serving:
        yield serving


def statuses(serving) -> dict[str, str]:
    return dict(serving.execute("select model, status from marts.model_status").fetchall())


without_orders = pytest.mark.parametrize("published", ["shopify_customer_without_orders"], indirect=True)
subscribers = pytest.mark.parametrize("published", ["subscription_shop"], indirect=True)


@without_orders
def test_a_customer_without_an_order_or_any_date_is_published_as_such(published):
    people = published.execute(
        "select known_since, first_order_on, orders_lifetime, lifecycle_stage, lifecycle_since from marts.customer_360 "
        "order by orders_lifetime"
    ).fetchall()
    assert len(people) == 2
    assert people[0] == (None, None, 0, "prospect", None)
    assert people[1][2:4] == (1, "introduction")
    assert None not in people[1]


@without_orders
def test_models_of_a_shop_of_two_people_say_that_there_is_too_little(published):
    assert set(statuses(published).values()) == {Status.INSUFFICIENT_DATA.value}


@pytest.mark.slow
@subscribers
def test_a_shop_of_one_price_and_monthly_subscriptions_publishes_with_honest_statuses(published):
    found = statuses(published)
    assert Status.FAILED not in found.values()
    assert (found["clv"], found["segmentation"]) == ("ok", "ok")
    people, scored, sure, soon = published.execute(
        "select count(*), count(clv_predicted), count(*) filter (where p_alive > 0.5), "
        "count(*) filter (where recency_days <= 30) from marts.customer_360"
    ).fetchall()[0]
    assert (people, scored) == (300, 300)
    assert soon <= sure <= soon + 30


@pytest.mark.slow
@subscribers
def test_no_amount_of_a_subscription_is_lost(published):
    orders, revenue = published.execute("select orders, revenue from main._release").fetchall()[0]
    assert revenue == 20 * orders


@pytest.mark.slow
@pytest.mark.parametrize("published", ["contacts_as_exported"], indirect=True)
def test_contacts_that_are_written_in_many_ways_are_those_of_one_person(published):
    people = published.execute("select orders_lifetime from marts.customer_360 order by all").fetchall()
    assert people == [(1,), (1,), (2,)]
