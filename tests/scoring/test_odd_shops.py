"""Shops of odd shape: each model says something true of them, or why it says nothing; none raises an error."""

import csv
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from crm_pipeline.scoring.lifetime.clv import Clv
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.questions.churn import Churn
from crm_pipeline.scoring.questions.loyalty import Loyalty
from crm_pipeline.scoring.questions.propensity import Propensity
from crm_pipeline.scoring.run import run
from tests.scoring.conftest import FIRST_DAY, orders_table, warehouse

CASES = Path(__file__).parents[1] / "cases"
MODELS = [Clv(), Churn()]
AS_OF = date(2023, 6, 30)


def subscribers():
    """300 people who pay 20.00 every 30 days."""
    with (CASES / "subscription_shop" / "landing" / "orders.csv").open(encoding="utf-8", newline="") as file:
        return [
            (int(row["customer"]), datetime.fromisoformat(row["at"]).date(), True, float(row["total"]))
            for row in csv.DictReader(file)
        ]


def drawn(people, days, orders_each, seed=1, value=lambda random: round(random.gamma(4, 8), 2)):
    """People who order at random on some days before the as-of date."""
    random = np.random.default_rng(seed)
    return [
        (key, AS_OF - timedelta(days=int(day)), True, value(random))
        for key in range(1, people + 1)
        for day in random.choice(days, orders_each)
    ]


def everybody_once():
    return drawn(400, 800, 1)


def one_price():
    return drawn(300, 800, 5, value=lambda _: 10.0)


def nothing_costs_anything():
    return drawn(300, 800, 5, value=lambda _: 0.0)


def three_weeks_old():
    return drawn(300, 21, 3)


def only_refunds_lately():
    sold = [row for row in drawn(300, 800, 5) if row[1] < AS_OF - timedelta(days=30)]
    return sold + [(row[0], AS_OF - timedelta(days=place % 30), False, -row[3]) for place, row in enumerate(sold[:300])]


def one_customer_with_a_third_of_all():
    others = drawn(300, 800, 3)
    return others + [(999, AS_OF - timedelta(days=place), True, 50.0) for place in range(400)]


def one_customer():
    return [(1, AS_OF - timedelta(days=30 * place), True, 5.0) for place in range(30)]


def two_people():
    return [(1 + place % 2, AS_OF - timedelta(days=30 * place), True, 5.0) for place in range(30)]


def all_on_one_day():
    return [(key, FIRST_DAY, True, 10.0) for key in range(1, 400)]


def all_on_the_newest_day():
    return [(key, AS_OF, True, 10.0) for key in range(1, 400)]


def nobody():
    return []


SHOPS = [
    everybody_once,
    one_price,
    nothing_costs_anything,
    three_weeks_old,
    only_refunds_lately,
    one_customer_with_a_third_of_all,
    one_customer,
    two_people,
    all_on_one_day,
    all_on_the_newest_day,
    nobody,
]


@pytest.mark.parametrize("make", SHOPS)
def test_no_model_fails_on_a_shop_of_odd_shape(make, tmp_path):
    shop = warehouse(orders_table(make()), AS_OF)
    for model in MODELS:
        result = run(model, shop, ScoringSettings(as_of=AS_OF), tmp_path)
        assert result.status.status is not Status.FAILED, result.status.reason
        assert "traceback" not in (result.status.reason or "")


@pytest.fixture(scope="module")
def subscription_shop():
    rows = subscribers()
    last = max(row[1] for row in rows) - timedelta(days=1)
    return warehouse(orders_table([row for row in rows if row[1] <= last]), last), ScoringSettings(as_of=last)


def test_where_all_orders_cost_the_same_life_is_told_from_buying_alone(subscription_shop, tmp_path):
    shop, settings = subscription_shop
    result = run(Clv(), shop, settings, tmp_path)
    assert result.status.status is Status.OK
    scores = {row["customer_key"]: row for row in result.scores.to_pylist()}
    silent = dict(
        shop.sql(
            "select customer_key, $1 - max(ordered_on) from customer.fct_orders group by 1", params=[settings.as_of]
        ).fetchall()
    )
    for key, row in scores.items():
        assert not 45 < silent[key] < 120 or row["p_alive"] < 0.9
        assert (row["p_alive"] < 0.5) or silent[key] < 120
        if silent[key] <= 30:
            assert row["p_alive"] > 0.5
            assert row["expected_orders"] == pytest.approx(12 * row["p_alive"], rel=0.35)
            assert row["next_order_on"] is not None


@pytest.mark.parametrize("model", [Churn(), Propensity(), Loyalty()], ids=lambda model: model.name)
def test_the_leak_finder_takes_away_nothing_that_the_baseline_asks_for(subscription_shop, tmp_path, monkeypatch, model):
    monkeypatch.setattr("crm_pipeline.scoring.questions.leakage.leaks", lambda frame: list(frame.names))
    result = run(model, *subscription_shop, tmp_path)
    assert result.status.status is not Status.FAILED, result.status.reason
    assert set(result.report.card["left_out_as_leaks"]).isdisjoint(model.needed)
