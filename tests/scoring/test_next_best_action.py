"""Next best action: only who agrees, never too often, within the budget, for the highest expected value."""

from datetime import date, datetime

import pyarrow as pa
import pytest

from crm_pipeline.config.actions import ActionSettings
from crm_pipeline.scoring.contacts.next_best_action import ACTIONS, PLANS, SEGMENT_RULE, TARGETS, propose
from crm_pipeline.scoring.model import ScoringSettings
from tests.scoring import mailings

AS_OF = mailings.AS_OF
SETTINGS = ScoringSettings(as_of=AS_OF)
LONG_AGO = date(2024, 1, 1)
EMAIL, NOTHING = (True, False, False, False), (False, False, False, False)


def people(consents, orders=12, margin=240.0):
    """Return a warehouse of people 1, 2, ... with these consents (e-mail, phone, post, push), who order monthly."""
    connection = mailings.empty()
    keys = range(1, len(consents) + 1)
    mailings.fill(
        connection, "features.customer_features", [(k, AS_OF, 5, orders, margin, 20, 400.0, 30.0) for k in keys]
    )
    rows = [(key, LONG_AGO, *consent) for key, consent in zip(keys, consents, strict=True) if consent]
    mailings.fill(connection, "customer.customer_consent_states", rows)
    return connection


def scores(**columns):
    """Return a score table; `customer_key` counts from 1 unless given."""
    length = len(next(iter(columns.values())))
    return pa.table({"customer_key": list(range(1, length + 1)), **columns})


def proposed(connection, tables=None, settings=SETTINGS, **actions):
    return propose(connection, tables or {}, ActionSettings(**actions), settings).actions.to_pylist()


def test_without_any_score_who_agrees_is_kept_in_touch_with_over_the_channel_that_pays_most():
    (one,) = proposed(people([EMAIL]))
    # 0.25 take notice x 0.05 respond x an order at a margin of 20, for a cent.
    assert (one["action"], one["contact_channel"], one["basis"], one["priority"]) == (
        "keep_in_touch",
        "email",
        "assumed",
        1,
    )
    assert one["expected_value"] == pytest.approx(0.25 * 0.05 * 20 - 0.01)
    assert one["reason"] == "Orders with a probability of 100 %, at a margin of 20.00 an order."


@pytest.mark.parametrize("consent", [None, NOTHING])
def test_a_missing_consent_is_a_no(consent):
    (one,) = proposed(people([consent]))
    assert (one["action"], one["contact_channel"], one["reason"]) == ("none", None, "Agrees to no channel.")


def test_the_latest_decision_counts_and_a_later_one_than_the_as_of_date_does_not():
    connection = people([EMAIL, EMAIL])
    mailings.fill(
        connection,
        "customer.customer_consent_states",
        [(1, AS_OF, *NOTHING), (2, date(2026, 7, 1), *NOTHING)],
    )
    assert [one["action"] for one in proposed(connection)] == ["none", "keep_in_touch"]


def test_who_unsubscribed_from_a_channel_is_not_contacted_over_it():
    connection = people([(True, True, False, False)])
    left = (1, 1, "email", "treatment", LONG_AGO, LONG_AGO, datetime(2025, 1, 1))
    mailings.fill(connection, "customer.fct_campaign_contacts", [left])
    (one,) = proposed(connection)
    assert one["contact_channel"] == "sms"


@pytest.mark.parametrize(
    ("sent_on", "action"),
    [(date(2026, 6, 1), "none"), (date(2026, 5, 31), "keep_in_touch"), (date(2026, 7, 1), "keep_in_touch")],
)
def test_who_had_as_many_contacts_as_allowed_in_thirty_days_is_left_alone(sent_on, action):
    connection = people([EMAIL])
    contacts = [(1, campaign, "email", "treatment", sent_on, sent_on) for campaign in (1, 2)]
    mailings.fill(connection, "customer.fct_campaign_contacts", contacts)
    (one,) = proposed(connection, contacts_per_30_days=2)
    assert one["action"] == action
    assert action != "none" or one["reason"] == "Had 2 contacts in 30 days."


def test_what_was_measured_stands_above_what_is_assumed():
    effects = pa.table(
        {"customer_key": [1, 2], "contact_channel": ["email", "email"], "expected_extra_margin": [0.7, -0.2]}
    )
    kept, left = proposed(people([EMAIL, EMAIL]), {"uplift": effects})
    assert (kept["basis"], kept["expected_value"]) == ("measured", pytest.approx(0.69))
    assert (left["action"], left["reason"]) == ("none", "No action is worth its cost.")


def test_where_everybody_gets_the_mean_effect_the_action_says_so():
    effects = {"customer_key": [1, 2], "contact_channel": ["email"] * 2, "expected_extra_margin": [0.7, 0.7]}
    both = {"uplift": pa.table({**effects, "is_mean_effect": [True, False]})}
    alike, ranked = proposed(people([EMAIL, EMAIL]), both)
    assert (alike["basis"], ranked["basis"]) == ("measured_on_average", "measured")
    assert alike["reason"] == "A contact brings a margin of 0.70 on average; whom it brings more is not known."
    assert alike["expected_value"] == ranked["expected_value"] == pytest.approx(0.69)


def test_who_likely_leaves_is_won_back_for_what_they_are_worth_if_kept():
    tables = {
        "churn": scores(churn_probability=[0.9, 0.5, 0.1]),
        "clv": scores(clv_predicted=[50.0, 200.0, 200.0], p_alive=[0.1, 0.8, 1.0]),
    }
    lost, wavering, safe = proposed(people([EMAIL] * 3), tables)
    assert [one["action"] for one in (lost, wavering, safe)] == ["win_back", "reactivate", "keep_in_touch"]
    assert lost["expected_value"] == pytest.approx(0.25 * 0.02 * 0.9 * 500 - 0.01)
    assert wavering["expected_value"] == pytest.approx(0.25 * 0.03 * 0.5 * 250 - 0.01)
    assert lost["reason"] == "Leaves with a probability of 90 %; worth 500.00 a year if kept."


def test_complaints_new_categories_and_loyalty_call_for_actions_of_their_own():
    tables = {
        "early_warnings": pa.table({"customer_key": [1], "signal": ["complaints_up"], "strength": [0.9]}),
        "category_propensity": pa.table(
            {"customer_key": [2, 2, 2], "category": ["Tea", "Deli", "Garden"], "probability": [0.9, 0.7, 0.6],
             "is_new": [False, True, True]}
        ),
        "propensity": scores(purchase_probability=[0.1, 0.1, 0.1]),
        "loyalty": scores(loyalty_stage=["none", "none", "true"]),
        "recommendations": pa.table({"customer_key": [2, 2], "rank": [2, 1], "product_key": [77, 88]}),
    }  # fmt: skip
    complains, tempted, loyal = proposed(people([EMAIL] * 3), tables)
    assert [one["action"] for one in (complains, tempted, loyal)] == [
        "service_recovery",
        "cross_sell",
        "loyalty_reward",
    ]
    assert (tempted["category"], tempted["product_key"]) == ("Deli", 88)
    assert tempted["reason"] == "Buys Deli for the first time with a probability of 70 %."


def test_the_budget_goes_to_who_brings_most_for_it():
    tables = {"propensity": scores(purchase_probability=[0.2, 0.9, 0.5])}
    result = propose(people([EMAIL] * 3), tables, ActionSettings(budget=0.02), SETTINGS)
    assert [one["priority"] for one in result.actions.to_pylist()] == [None, 1, 2]
    assert result.actions["reason"].to_pylist()[0] == "Others bring more for the budget."
    assert result.plans.to_pylist()[0]["cost"] == pytest.approx(0.02)


def test_the_plan_brings_at_least_what_the_rule_by_segment_brings_for_the_same_money():
    count = 60
    tables = {
        "rfm": scores(
            rfm_segment=[list(SEGMENT_RULE)[key % len(SEGMENT_RULE)] for key in range(count)],
            monetary=[float(key * 7 % 13) for key in range(count)],
        ),
        "churn": scores(churn_probability=[key % 10 / 10 for key in range(count)]),
        "propensity": scores(purchase_probability=[key % 7 / 7 for key in range(count)]),
    }
    agreed = [(key % 2 == 0, key % 3 == 0, key % 4 == 0, key % 5 == 0) for key in range(count)]
    for budget in (0.0, 0.3, 2.0, None):
        result = propose(people(agreed), tables, ActionSettings(budget=budget), SETTINGS)
        plan, rule, plan_at_rule_cost = result.plans.to_pylist()
        assert plan_at_rule_cost["cost"] <= rule["cost"] + 1e-6
        assert plan["expected_value"] >= rule["expected_value"] - 0.5
        assert plan_at_rule_cost["expected_value"] >= rule["expected_value"] - 0.5
        assert budget is None or max(plan["cost"], rule["cost"]) <= budget + 1e-6


def test_everybody_has_one_row_in_the_order_of_keys_and_tables_have_their_schemas():
    result = propose(people([EMAIL, None, EMAIL]), {}, ActionSettings(), SETTINGS)
    assert result.actions["customer_key"].to_pylist() == [1, 2, 3]
    assert result.actions.schema.equals(ACTIONS.schema)
    assert result.plans.schema.equals(PLANS.schema)
    assert result.targets.schema.equals(TARGETS.schema)


def test_the_parts_of_target_groups_add_up_to_the_plan():
    tables = {"rfm": scores(rfm_segment=["Lost", "New", "New"], monetary=[1.0, 2.0, 3.0])}
    result = propose(people([EMAIL, EMAIL, None]), tables, ActionSettings(), SETTINGS)
    lost, new = result.targets.to_pylist()
    assert (lost["target_group"], lost["people"], new["people"], new["people_planned"]) == ("Lost", 1, 2, 1)
    assert lost["planned_value"] + new["planned_value"] == pytest.approx(result.plans["expected_value"][0].as_py())
    assert lost["budget_share"] + new["budget_share"] == pytest.approx(1)


def test_the_potential_of_a_target_group_is_what_its_best_actions_add_whatever_the_budget():
    tables = {
        "rfm": scores(rfm_segment=["Lost", "Lost", "New"], monetary=[1.0, 2.0, 3.0]),
        "uplift": pa.table(
            {
                "customer_key": [1, 1, 2],
                "contact_channel": ["email", "sms", "email"],
                "expected_extra_margin": [0.5, 0.7, -1.0],
            }
        ),
    }
    result = propose(people([(True, True, False, False), EMAIL, None]), tables, ActionSettings(budget=0.0), SETTINGS)
    lost, new = result.targets.to_pylist()
    # Of the first one a text message for 8 cents is better than an e-mail for one; the second is better left alone.
    assert (lost["people_potential"], lost["potential_cost"]) == (1, pytest.approx(0.08))
    assert lost["potential_value"] == pytest.approx(0.7 - 0.08)
    assert (lost["people_planned"], new["people_potential"], new["potential_value"]) == (0, 0, 0)


def test_an_empty_shop_has_empty_tables():
    result = propose(mailings.empty(), {}, ActionSettings(), SETTINGS)
    assert (len(result.actions), len(result.targets)) == (0, 0)
    assert result.plans["people"].to_pylist() == [0, 0, 0]


def test_a_channel_or_an_action_can_be_left_out():
    connection = people([(True, True, False, False)])
    (one,) = proposed(connection, reach={"sms": 0, "phone": 0})
    assert one["contact_channel"] == "email"
    (one,) = proposed(connection, response={"keep_in_touch": 0})
    assert one["action"] == "none"
