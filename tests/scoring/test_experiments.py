"""What past experiments teach: whom they drew, what was known of them before, what they did after."""

from datetime import date

import pytest

from crm_pipeline.scoring.contacts import experiments
from crm_pipeline.scoring.model import ScoringSettings
from tests.scoring import mailings

SETTINGS = ScoringSettings(as_of=mailings.AS_OF)
DAY = date(2026, 3, 10)


@pytest.fixture
def warehouse():
    """One mailing on 10 March 2026 to person 1 (contacted) and person 2 (held out), both known since February."""
    connection = mailings.empty()
    mailings.fill(connection, "customer.dim_campaigns", [(7, "C7", "Spring", "email", "test-7")])
    mailings.fill(
        connection,
        "customer.fct_campaign_contacts",
        [(1, 7, "email", "treatment", DAY, DAY), (2, 7, "email", "control", DAY, None)],
    )
    mailings.fill(
        connection,
        "features.customer_features",
        [(key, day, recency, 1, 10.0, 1, 10.0, 30.0)
         for day, recency in ((date(2026, 1, 31), 1), (date(2026, 2, 28), 29), (date(2026, 3, 31), 60))
         for key in (1, 2)],
    )  # fmt: skip
    return connection


def trial(connection, as_of=mailings.AS_OF):
    settings = ScoringSettings(as_of=as_of)
    return experiments.trial(connection, settings, experiments.campaigns(connection, settings, {}), response_days=30)


def test_features_are_those_of_the_last_date_before_the_drawing(warehouse):
    found = trial(warehouse)
    assert found.features[:, found.names.index("recency_days")].tolist() == [29, 29]


def test_features_of_the_day_of_the_drawing_itself_are_too_late(warehouse):
    warehouse.execute("update customer.fct_campaign_contacts set assigned_on = date '2026-02-28'")
    found = trial(warehouse)
    assert found.features[:, found.names.index("recency_days")].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("ordered_on", "counts"),
    [(date(2026, 3, 9), 0), (date(2026, 3, 10), 1), (date(2026, 4, 8), 1), (date(2026, 4, 9), 0)],
)
def test_the_response_days_begin_with_the_day_of_the_drawing(warehouse, ordered_on, counts):
    mailings.fill(warehouse, "customer.fct_orders", [(1, ordered_on, True, 12.5)])
    found = trial(warehouse)
    assert found.orders.tolist() == [counts, 0]
    assert found.margin.tolist() == [12.5 * counts, 0]


def test_returns_take_margin_away_and_are_no_orders(warehouse):
    mailings.fill(warehouse, "customer.fct_orders", [(2, DAY, True, 12.5), (2, DAY, False, -4.0)])
    found = trial(warehouse)
    assert (found.margin.tolist(), found.orders.tolist()) == ([0, 8.5], [0, 1])


@pytest.mark.parametrize(
    ("refunded_on", "margin"),
    [(date(2026, 4, 8), 8.5), (date(2026, 4, 9), 12.5), (date(2026, 6, 1), 12.5), (None, 8.5)],
)
def test_a_refund_counts_on_its_own_day(warehouse, refunded_on, margin):
    # The order's row, written later, has lost the refunded 4 already; of a refund without a day that is all we know.
    mailings.fill(warehouse, "customer.fct_orders", [(2, DAY, True, 8.5, 4.0, refunded_on)])
    assert trial(warehouse).margin.tolist() == [0, margin]


@pytest.mark.parametrize("as_of", [date(2026, 4, 8), mailings.AS_OF])
def test_a_past_date_does_not_know_a_later_refund(warehouse, as_of):
    mailings.fill(warehouse, "customer.fct_orders", [(2, DAY, True, 12.5)])
    before = trial(warehouse, as_of)
    warehouse.execute(
        "update customer.fct_orders set margin = 8.5, refunded_margin = 4, refunded_on = date '2026-07-15'"
    )
    assert trial(warehouse, as_of).margin.tolist() == before.margin.tolist()


@pytest.mark.parametrize(("as_of", "contacts"), [(date(2026, 4, 7), 0), (date(2026, 4, 8), 2)])
def test_contacts_count_when_their_response_days_are_over(warehouse, as_of, contacts):
    assert len(trial(warehouse, as_of)) == contacts


def test_who_was_both_contacted_and_held_out_is_left_out(warehouse):
    mailings.fill(warehouse, "customer.fct_campaign_contacts", [(2, 7, "email", "treatment", DAY, DAY)])
    assert trial(warehouse).keys.tolist() == [1]


def test_who_was_drawn_twice_alike_counts_once(warehouse):
    mailings.fill(warehouse, "customer.fct_campaign_contacts", [(1, 7, "email", "treatment", date(2026, 3, 12), DAY)])
    found = trial(warehouse)
    assert (found.keys.tolist(), found.days[0].item()) == ([1, 2], DAY)


def test_the_share_contacted_is_that_of_the_campaign(warehouse):
    assert trial(warehouse).share.tolist() == [0.5, 0.5]


def test_a_sample_ratio_is_judged_as_in_the_book():
    # R. Kohavi, D. Tang, Y. Xu (2020), chapter 21: 821,588 and 815,482 users of a planned 50 : 50 have p = 1.8e-6.
    assert experiments.sample_ratio_p(821_588, 815_482, 0.5) == pytest.approx(1.8e-6, rel=0.03)


def test_an_experiment_far_from_its_plan_is_named_with_what_was_seen(warehouse):
    contacts = [(key, 7, "email", "treatment", DAY, DAY) for key in range(10, 110)]
    mailings.fill(warehouse, "customer.fct_campaign_contacts", contacts)
    (found,) = experiments.campaigns(warehouse, SETTINGS, {"test-7": 0.3})
    assert found.fault == "1.0% were held out instead of the planned 30.0% (p = 2e-10)"


def test_without_a_plan_or_on_plan_there_is_no_fault(warehouse):
    assert [one.fault for one in experiments.campaigns(warehouse, SETTINGS, {})] == [None]
    assert [one.fault for one in experiments.campaigns(warehouse, SETTINGS, {"test-7": 0.5})] == [None]


def test_a_campaign_without_a_control_group_teaches_nothing(warehouse):
    warehouse.execute("delete from customer.fct_campaign_contacts where variant = 'control'")
    assert [one.fault for one in experiments.campaigns(warehouse, SETTINGS, {})] == ["it has no control group"]


def test_a_campaign_that_is_no_experiment_was_not_drawn_at_random(warehouse):
    warehouse.execute("update customer.dim_campaigns set experiment_name = null")
    assert experiments.campaigns(warehouse, SETTINGS, {}) == []
