"""What an experiment showed: whom it compares, which days count, and when it says nothing."""

from datetime import date, timedelta

import pytest
from scipy import stats

from crm_pipeline.scoring.contacts.experiment_results import MIN_OF_EACH_GROUP, results
from tests.scoring import mailings

DAY = date(2026, 3, 10)
AS_OF = mailings.AS_OF
PEOPLE = MIN_OF_EACH_GROUP


def mailing(treated=PEOPLE, control=PEOPLE, experiment="test-7"):
    """Campaign 7, drawn on one day: persons 0, 1, ... contacted and 1000, 1001, ... held out; nobody bought."""
    connection = mailings.empty()
    mailings.fill(connection, "customer.dim_campaigns", [(7, "C7", "Spring", "email", experiment)])
    contacts = [(key, 7, "email", "treatment", DAY, DAY) for key in range(treated)]
    contacts += [(1000 + key, 7, "email", "control", DAY, None) for key in range(control)]
    mailings.fill(connection, "customer.fct_campaign_contacts", contacts)
    return connection


def ordered(connection, rows):
    """Add orders: person, day, is counted, margin, and what was refunded on which day."""
    mailings.fill(connection, "customer.fct_orders", [(*row, *(0.0, None)[len(row) - 4 :]) for row in rows])


def told(connection, as_of=AS_OF, shares=None, days=30):
    (row,) = results(connection, as_of, days, shares or {}).to_pylist()
    return row


def test_all_people_count_whether_or_not_they_bought():
    connection = mailing()
    ordered(connection, [(0, DAY, True, 60.0), (0, DAY, True, 30.0), (1000, DAY, True, 30.0)])
    row = told(connection)
    assert (row["margin_treated"], row["margin_control"]) == (90 / PEOPLE, 30 / PEOPLE)
    assert (row["orders_treated"], row["orders_control"]) == (2 / PEOPLE, 1 / PEOPLE)
    treated, control = ([first] + [0.0] * (PEOPLE - 1) for first in (90.0, 30.0))
    expected = stats.ttest_ind(treated, control, equal_var=False)
    assert row["margin_effect"] == pytest.approx(60 / PEOPLE)
    assert row["margin_p_value"] == pytest.approx(expected.pvalue)
    assert row["margin_effect_lower"] == pytest.approx(expected.confidence_interval().low)
    assert row["status"] == "inconclusive"


@pytest.mark.parametrize(
    ("day", "after"),
    [(DAY - timedelta(1), 0), (DAY, 1), (DAY + timedelta(29), 1), (DAY + timedelta(30), 0)],
)
def test_the_response_days_begin_with_the_day_of_the_drawing(day, after):
    connection = mailing()
    ordered(connection, [(0, day, True, 12.5), (1, DAY, True, 1.0)])
    assert told(connection)["orders_treated"] * PEOPLE == 1 + after


def test_as_many_days_before_correct_for_who_people_are():
    connection = mailing()
    habits = [(key, DAY - timedelta(30), True, 10.0 + key) for key in (*range(PEOPLE), *range(1000, 1000 + PEOPLE, 2))]
    later = [(key, DAY, True, value + 0.25 * (key % 3)) for key, _, _, value in habits]
    ordered(connection, [*habits, *later, *((key, DAY - timedelta(31), True, 9e6) for key in range(20))])
    row = told(connection)
    assert row["margin_variance_reduction"] > 0.99
    assert row["margin_cuped_effect"] == pytest.approx(0, abs=0.5)


def test_without_anything_before_there_is_nothing_to_correct():
    connection = mailing()
    ordered(connection, [(0, DAY, True, 60.0)])
    row = told(connection)
    assert row["margin_effect"] is not None
    assert row["margin_cuped_effect"] is row["margin_variance_reduction"] is None


def test_a_refund_counts_on_its_own_day():
    connection = mailing()
    refunded = [(key, DAY, True, 0.0, 30.0, DAY + timedelta(later)) for key, later in ((0, 29), (1, 30), (1000, 30))]
    ordered(connection, refunded)
    row = told(connection)
    assert (row["margin_treated"], row["margin_control"]) == (30 / PEOPLE, 30 / PEOPLE)


def test_what_is_dated_after_the_as_of_date_changes_nothing():
    connection = mailing()
    ordered(connection, [(0, DAY, True, 60.0), (1000, DAY, True, 10.0)])
    as_of = DAY + timedelta(29)
    before = told(connection, as_of)
    ordered(connection, [(1, as_of + timedelta(1), True, 500.0)])
    connection.execute("update customer.fct_orders set margin = -40, refunded_margin = 100, refunded_on = $day "
                       "where customer_key = 0", {"day": as_of + timedelta(1)})  # fmt: skip
    mailings.fill(connection, "customer.fct_campaign_contacts",
                  [(0, 7, "email", "control", as_of + timedelta(1), None)])  # fmt: skip
    assert told(connection, as_of) == before


def test_who_is_in_both_groups_is_left_out_and_counted():
    connection = mailing()
    mailings.fill(connection, "customer.fct_campaign_contacts", [(0, 7, "email", "control", DAY, None)])
    ordered(connection, [(0, DAY, True, 60.0), (1, DAY, True, 5.0)])
    row = told(connection)
    assert (row["people_treated"], row["people_control"], row["people_in_both"]) == (PEOPLE - 1, PEOPLE, 1)
    assert row["status"] == "too_few"
    mailings.fill(connection, "customer.fct_campaign_contacts", [(99, 7, "email", "treatment", DAY, DAY)])
    assert told(connection)["margin_treated"] == 5 / PEOPLE


def test_whoever_nobody_knows_is_in_no_group():
    connection = mailing()
    mailings.fill(connection, "customer.fct_campaign_contacts", [(None, 7, "email", "treatment", DAY, DAY)])
    assert told(connection)["people_treated"] == PEOPLE


def test_who_was_contacted_twice_counts_once_from_the_first_day():
    connection = mailing()
    mailings.fill(connection, "customer.fct_campaign_contacts",
                  [(0, 7, "email", "treatment", DAY + timedelta(20), DAY)])  # fmt: skip
    ordered(connection, [(0, DAY, True, 60.0), (0, DAY + timedelta(30), True, 7.0)])
    row = told(connection)
    assert row["margin_treated"] * row["people_treated"] == pytest.approx(60)
    assert row["last_response_on"] == DAY + timedelta(20 + 29)


@pytest.mark.parametrize(("as_of", "status"), [(DAY + timedelta(28), "running"), (DAY + timedelta(29), "inconclusive")])
def test_nothing_is_judged_before_its_response_days_are_over(as_of, status):
    connection = mailing()
    ordered(connection, [(0, DAY, True, 60.0)])
    row = told(connection, as_of)
    assert row["status"] == status
    assert (row["margin_effect"] is None) == (status == "running")


def test_groups_far_from_their_plan_have_no_effect():
    connection = mailing(treated=200)
    ordered(connection, [(0, DAY, True, 60.0)])
    row = told(connection, shares={"test-7": 0.3})
    assert row["status"] == "broken"
    # 161 and 69 of 230 were planned.
    assert row["sample_ratio_p"] == pytest.approx(stats.chi2.sf(39**2 / 161 + 39**2 / 69, df=1))
    assert row["margin_effect"] is row["orders_cuped_effect"] is None
    assert told(connection)["status"] == "inconclusive"


@pytest.mark.parametrize(
    ("connection", "status"),
    [
        (mailing(experiment=None), "not_randomised"),
        (mailing(control=PEOPLE - 1), "too_few"),
        (mailing(), "too_few"),  # nobody bought
    ],
)
def test_what_cannot_be_judged_says_why_and_has_no_effect(connection, status):
    row = told(connection)
    assert (row["status"], row["margin_effect"]) == (status, None)


def test_a_clear_effect_is_conclusive():
    connection = mailing()
    ordered(connection, [(key, DAY, True, 20.0 + key) for key in range(PEOPLE)] + [(1000, DAY, True, 9.0)])
    row = told(connection)
    assert row["status"] == "conclusive"
    assert row["margin_effect_lower"] > 0


def test_a_campaign_without_held_out_is_no_experiment():
    assert results(mailing(control=0), AS_OF, 30, {}).num_rows == 0
    assert results(mailings.empty(), AS_OF, 30, {}).num_rows == 0


def test_two_contacted_variants_compare_like_contacted_and_held_out():
    connection = mailing()
    ordered(connection, [(key, DAY, True, 20.0 + key) for key in range(9)])
    before = told(connection)
    connection.execute("update customer.fct_campaign_contacts set sent_on = assigned_on")
    assert told(connection) == before
