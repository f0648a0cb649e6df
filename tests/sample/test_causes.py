"""What makes people buy and leave, measured from what happened and compared with what was planted."""

import numpy as np
import pytest

from crm_pipeline.sample import programme
from crm_pipeline.sample.assortment import AFFINITIES, make_assortment
from crm_pipeline.sample.calendar import DAYS, FIRST_DAY, FULL_DAYS, is_promotion
from crm_pipeline.sample.campaigns import EFFECT_DAYS, effects, make_campaigns
from crm_pipeline.sample.character import PERSONAS
from crm_pipeline.sample.people import Part, make_people
from crm_pipeline.sample.purchases import make_purchases
from crm_pipeline.sample.visits import make_visits

PEOPLE = 12_000


@pytest.fixture(scope="module")
def campaigns():
    return make_campaigns()


@pytest.fixture(scope="module")
def visits(campaigns):
    people = make_people(PEOPLE, np.random.default_rng(1), Part())
    return make_visits(people, campaigns, np.random.default_rng(2))


@pytest.fixture(scope="module")
def purchases(visits, campaigns):
    products = make_assortment(np.random.default_rng(3))
    return products, make_purchases(visits, products, campaigns, np.random.default_rng(4))[0]


def orders_after_contact(visits, campaign):
    """Orders of each person contacted (or held out) in the days in which the campaign works."""
    contacts = visits.contacts[visits.contacts["campaign"] == campaign]
    pairs = contacts.merge(visits.orders[["person", "day"]], on="person", suffixes=("", "_ordered"))
    within = pairs[pairs["day_ordered"].between(pairs["day"], pairs["day"] + EFFECT_DAYS - 1)]
    return contacts, contacts["person"].map(within.groupby("person").size()).fillna(0)


def test_treated_and_control_differ_by_the_planted_effect(visits, campaigns):
    true = effects(campaigns, visits.contacts, np.zeros(len(campaigns), dtype=np.int64))
    for campaign in campaigns[campaigns["control_share"] > 0]["campaign"]:
        contacts, orders = orders_after_contact(visits, campaign)
        treated = contacts["variant"] == "treatment"
        one, other = orders[treated], orders[~treated]
        measured = one.mean() - other.mean()
        error = np.sqrt(one.var() / len(one) + other.var() / len(other))
        planted = true["extra_orders"][campaign] / true["treated"][campaign]
        assert abs(measured - planted) < 4 * error, campaigns["campaign_id"][campaign]


def test_effects_go_from_none_to_strong(visits, campaigns):
    true = effects(campaigns, visits.contacts, np.zeros(len(campaigns), dtype=np.int64))
    each = true["extra_orders"] / true["treated"]
    assert each.min() == 0
    assert each.max() > 0.08


def test_control_groups_are_as_planned_but_for_the_broken_experiment(visits, campaigns):
    controls = (visits.contacts["variant"] == "control").groupby(visits.contacts["campaign"]).agg(["mean", "size"])
    away = (controls["mean"] - campaigns["control_share"]).abs()
    error = np.sqrt(campaigns["control_share"] * (1 - campaigns["control_share"]) / controls["size"]).clip(lower=1e-9)
    assert (away[~campaigns["is_broken"]] <= 4 * error[~campaigns["is_broken"]]).all()
    assert (away[campaigns["is_broken"]] > 10 * error[campaigns["is_broken"]]).all()
    assert campaigns["is_broken"].sum() == 1
    assert (campaigns["control_share"] == 0).sum() == 1


def test_who_is_more_responsive_answers_campaigns_more(visits):
    treated = visits.contacts[visits.contacts["variant"] == "treatment"]
    responsive = visits.people["responsiveness"].to_numpy()[treated["person"]]
    extra = treated["extra_orders"].to_numpy()
    assert extra[responsive > 1.5].mean() > 3 * extra[responsive < 0.5].mean()
    assert (visits.contacts.loc[visits.contacts["variant"] == "control", "extra_orders"] == 0).all()


def test_an_order_of_a_campaign_is_placed_by_someone_it_contacted(visits):
    caused = visits.orders[visits.orders["campaign"] >= 0]
    counted = visits.contacts.groupby(["campaign", "person"])["extra_orders"].sum()
    assert caused.groupby(["campaign", "person"]).size().equals(counted[counted > 0].astype(np.int64))


def leaves_within_a_month(visits, cases):
    left = visits.people["left_day"].to_numpy()[cases["person"]]
    return (left >= cases["day"]) & (left < cases["day"] + 30)


def test_bad_service_makes_people_leave_and_sensitive_ones_more(visits):
    cases = visits.service[visits.service["day"] < FULL_DAYS - 30]
    left = leaves_within_a_month(visits, cases)
    sensitive = visits.people["service_sensitivity"].to_numpy()[cases["person"]] > 0.5
    bad = cases["is_bad"].to_numpy()
    assert left[bad].mean() > left[~bad].mean() + 0.15
    assert left[bad & sensitive].mean() > left[bad & ~sensitive].mean() + 0.1


def test_nobody_orders_after_leaving(visits):
    left = visits.people["left_day"].to_numpy()[visits.orders["person"]]
    assert ((left < 0) | (visits.orders["day"] <= left)).all()


def test_the_content_stay_longer_also_where_nothing_went_wrong(visits):
    wronged = visits.service.loc[visits.service["is_bad"], "person"]
    people = visits.people[(visits.people["first_day"] < 365) & ~visits.people["person"].isin(wronged)]
    stayed = people["left_day"] < 0
    assert stayed[people["satisfaction"] > 0.8].mean() > stayed[people["satisfaction"] < 0.55].mean() + 0.1


def test_promotion_weeks_bring_those_who_look_at_prices(visits):
    promoted = is_promotion(visits.orders["day"].to_numpy())
    sensitivity = visits.people["price_sensitivity"].to_numpy()[visits.orders["person"]]
    calm = is_promotion(np.arange(DAYS)).mean()
    assert promoted[sensitivity > 0.6].mean() > 1.25 * promoted[sensitivity < 0.2].mean()
    assert promoted[sensitivity < 0.2].mean() == pytest.approx(calm, rel=0.35)


def test_planted_pairs_are_bought_together_far_more_often_than_by_chance(purchases):
    products, bought = purchases
    names = products["name"].to_numpy()[bought.lines["product"]]
    baskets = {name: set(bought.lines["order"].to_numpy()[names == name]) for name in products["name"]}
    count = bought.lines["order"].nunique()
    for one, other in AFFINITIES.items():
        first, second = baskets[f"Finch {one}"], baskets[f"Finch {other}"]
        assert len(first & second) * count / (len(first) * len(second)) > 4


def test_personas_differ_in_what_they_spend_and_like(visits, purchases):
    _, bought = purchases
    sales = bought.orders.query("status == 'completed'")
    persona = visits.people["persona"].to_numpy()[sales["person"]]
    spend = sales.groupby(persona)["net"].mean()
    assert len(spend) == len(PERSONAS) == 5
    assert spend["home maker"] > 1.5 * spend["bargain hunter"]
    orders = sales.groupby(persona).size() / visits.people.groupby("persona").size()
    assert orders["regular"] > 2 * orders["gift giver"]
    tastes = visits.people.groupby("persona")[["taste_0", "taste_4", "taste_9"]].mean()
    assert tastes.idxmax().tolist() == ["food lover", "home maker", "gift giver"]


def test_churn_is_frequent_enough_and_learnable_from_the_past(purchases):
    sales = purchases[1].orders.query("status == 'completed'")
    for origin in (FULL_DAYS - 90, FULL_DAYS - 180, FULL_DAYS - 270, FULL_DAYS - 360):
        past = sales[(sales["day"] < origin) & (sales["day"] >= origin - 180)].groupby("person")["day"]
        last_seen, frequency = origin - past.max(), past.size()
        back = set(sales.loc[(sales["day"] >= origin) & (sales["day"] < origin + 90), "person"])
        churned = ~last_seen.index.isin(back)
        assert 0.1 < churned.mean() < 0.7
        assert frequency[churned].mean() < 0.7 * frequency[~churned].mean()
        assert last_seen[churned].mean() > 1.3 * last_seen[~churned].mean()


def test_people_differ_in_rate_and_in_spend(visits, purchases):
    rate = visits.people["purchase_rate"]
    assert rate.std() > 0.5 * rate.mean()
    per_person = purchases[1].orders.query("status == 'completed'").groupby("person")["net"].agg(["size", "mean"])
    assert per_person["size"].std() > 0.7 * per_person["size"].mean()
    assert np.log(per_person[per_person["size"] >= 5]["mean"]).std() > 0.3


def test_who_brings_a_friend_came_before_and_a_few_bring_many(visits):
    people = visits.people
    brought = people[people["referrer"] >= 0]
    came = people["first_day"].to_numpy()
    assert (came[brought["referrer"]] <= brought["first_day"]).all()
    friends = brought.groupby("referrer").size()
    assert friends.max() >= 8
    assert friends.median() <= 2


def test_the_programme_brings_the_planted_orders_to_its_stores_alone(visits):
    start = int((programme.STARTS - FIRST_DAY).astype(int))
    till = visits.orders[(visits.orders["sales_channel"] == "till") & (visits.orders["day"] >= start)]
    added = till["cause"] == "programme"
    there = visits.people["store"].isin(programme.STORES).to_numpy()[till["person"]]
    assert there[added].all()
    base = till["cause"] == ""
    assert added.sum() / (base & there).sum() == pytest.approx(programme.LIFT, rel=0.15)
    early = visits.orders[visits.orders["day"] < start]
    assert (early["cause"] != "programme").all()


def test_the_newest_month_has_new_customers_a_campaign_and_advertising(visits, campaigns):
    month = FULL_DAYS - 30
    new = visits.people["first_day"].between(month, FULL_DAYS)
    before = visits.people["first_day"].between(month - 30, month)
    assert new.sum() > 0.6 * before.sum()
    assert campaigns["start_day"].between(month, FULL_DAYS).any()


def test_campaigns_of_a_larger_company_cost_more():
    small, large = make_campaigns(2_000)["cost"], make_campaigns(200_000)["cost"]
    assert (large > 10 * small).all()
