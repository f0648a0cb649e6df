"""Each question of `docs/questions.md` is answered from the marts alone; some a second time, from the facts."""

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from crm_pipeline.publish.queries import Example, read_questions

QUESTIONS = read_questions()
MOST_LINES = 15
MAY_BE_EMPTY = {11}
"""In a small shop perhaps nobody is valuable, at risk and waits for an answer."""
Answer = list[dict[str, Any]]


@pytest.fixture(scope="module")
def marts(published) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published marts, and nothing else of the serving file."""
    with duckdb.connect() as con:
        con.execute(f"attach '{published.settings.serving_file}' as published (read_only); create schema marts")
        names = con.execute(
            "select table_name from duckdb_tables() where database_name = 'published' and schema_name = 'marts'"
        ).fetchall()
        for (name,) in names:
            con.execute(f"create table marts.{name} as from published.marts.{name}")
        con.execute("detach published")
        yield con


@pytest.fixture(scope="module")
def facts(published) -> Iterator[Callable[[str], list]]:
    """Asks the warehouse, in which no question looks."""
    with duckdb.connect(str(published.settings.warehouse), read_only=True) as con:
        con.execute("set variable as_of = (select max(as_of_date) from features.as_of_dates)")
        yield lambda sql: con.execute(sql).fetchall()


def answer(con: duckdb.DuckDBPyConnection, number: int) -> Answer:
    result = con.execute(QUESTIONS[number - 1].sql)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def test_there_are_fifteen():
    assert len(QUESTIONS) == 15


@pytest.mark.parametrize("number", range(1, len(QUESTIONS) + 1))
def test_each_is_answered_in_a_few_lines_by_the_marts_alone(marts, number):
    question: Example = QUESTIONS[number - 1]
    assert len(question.sql.strip().splitlines()) <= MOST_LINES
    assert answer(marts, number) or number in MAY_BE_EMPTY


def test_the_top_customers_have_the_revenue_of_their_orders(marts, facts):
    expected = facts("""
        select sum(revenue) from customer.fct_orders
        where customer_key is not null and ordered_on > getvariable('as_of') - interval 12 month
        group by customer_key order by 1 desc limit 10
    """)
    assert [row["revenue_12m"] for row in answer(marts, 1)] == [revenue for (revenue,) in expected]


def test_revenue_by_sales_channel_is_that_of_the_orders(marts, facts):
    newest = max(row["month"] for row in answer(marts, 2))
    expected = facts(f"""
        select coalesce(sales_channel, 'unknown'), sum(revenue), count(*) filter (where is_counted)
        from customer.fct_orders where date_trunc('month', ordered_on) = date '{newest}' group by 1 order by 1
    """)
    found = [
        (row["sales_channel"], row["revenue"], row["orders"]) for row in answer(marts, 2) if row["month"] == newest
    ]
    assert found == [(channel, pytest.approx(float(revenue)), orders) for channel, revenue, orders in expected]


def test_cohorts_are_the_people_who_ordered_for_the_first_time_in_the_month(marts, facts):
    expected = facts("""
        with firsts as (
            select date_trunc('month', min(ordered_on))::date as month from customer.fct_orders
            where is_counted and customer_key is not null group by customer_key
        )
        select month, count(*) from firsts group by month order by month desc limit 12
    """)
    assert [(row["cohort_month"], row["customers"]) for row in answer(marts, 3)] == expected


def test_the_net_promoter_score_is_promoters_less_detractors(marts, facts):
    expected = facts("""
        select
            date_trunc('month', answered_on)::date as month, count(*),
            round(100.0 * (count(*) filter (where score >= 9) - count(*) filter (where score <= 6)) / count(*), 1)
        from customer.fct_survey_responses
        where kind = 'nps' and scale_minimum = 0 and scale_maximum = 10
            and answered_on < date_trunc('month', getvariable('as_of') + 1)
        group by 1 order by 1 desc limit 12
    """)
    found = [(row["month"], row["answers"], row["net_promoter_score"]) for row in answer(marts, 5)]
    assert found == [(month, answers, pytest.approx(score, abs=0.051)) for month, answers, score in expected]


def test_those_who_wait_for_an_answer_have_as_many_open_tickets(marts, facts):
    expected = dict(
        facts("""
            select customer_id, count(*) from customer.fct_support_tickets
            inner join customer.dim_customers using (customer_key)
            where opened_on <= getvariable('as_of') and resolved_at is null and status not in ('solved', 'closed')
            group by 1
        """)
    )
    assert {row["customer_id"]: row["open_tickets"] for row in answer(marts, 11)}.items() <= expected.items()


def test_points_owed_are_the_sum_of_all_movements_of_known_members(marts, facts):
    ((expected,),) = facts("select sum(points) from customer.fct_loyalty_events where customer_key is not null")
    assert sum(row["points_outstanding"] for row in answer(marts, 12)) == expected


def test_referrers_have_made_their_invitations(marts, facts):
    expected = dict(
        facts("""
            select people.customer_id, count(*) from customer.fct_referrals as referrals
            inner join customer.dim_customers as people on referrals.referrer_customer_key = people.customer_key
            group by 1
        """)
    )
    # Who was brought by somebody unknown has made none and may have brought people all the same.
    assert [row for row in answer(marts, 13) if row["invitations"] != expected.get(row["customer_id"], 0)] == []


def test_causes_of_tickets_are_counted_as_they_were_opened(marts, facts):
    expected = facts("""
        select category, count(*) from customer.fct_support_tickets
        where category is not null and opened_on > getvariable('as_of') - interval 12 month group by 1
    """)
    assert sorted((row["cause"], row["tickets_12m"]) for row in answer(marts, 14)) == sorted(expected)
