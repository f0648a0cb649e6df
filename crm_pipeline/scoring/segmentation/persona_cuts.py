"""Personas cut by who people are, what they do, what they think and whom they bring."""

from datetime import date

import duckdb
import pyarrow as pa

from crm_pipeline.config.ages import AGE_BANDS
from crm_pipeline.scoring.table import AS_OF, Column, Mart, ScoreTable

CUTS = ScoreTable(
    "persona_cuts",
    "One row per persona, dimension and value: who its people are.",
    (
        AS_OF,
        Column.integer("persona_number", "Durable number of the persona.", required=True),
        Column.text("dimension_group", "demographics, behaviour, attitude or social."),
        Column.text("dimension", "What the persona is cut by.", required=True),
        Column.text("value", "Value of the dimension.", required=True),
        Column.integer("people", "Number of people.", required=True),
        Column.number("share", "Share of the people of the persona of whom it is known."),
        Column.number("lift", "That share against the share among all people."),
    ),
    key=("persona_number", "dimension", "value"),
    mart=Mart("customers"),
)

# What each dimension says of people, as of the date; `known` are people with their attributes on it, `placed` all.
_MOST_OFTEN = """
    select customer_key, {column} as value from {facts} where {day} <= $as_of and {column} is not null
    group by customer_key, {column}
    qualify row_number() over (partition by customer_key order by count(*) desc, {column}) = 1
"""
_LATEST_NPS = """
    select customer_key, nps_group as value from customer.fct_survey_responses
    where answered_on <= $as_of and nps_group is not null
    qualify row_number() over (partition by customer_key order by answered_at desc, response_key) = 1
"""
_WHETHER = """
    select customer_key, case when customer_key in (
            select {person} from {facts} where {day} <= $as_of and {person} is not null
        ) then 'yes' else 'no' end as value
    from placed where exists (select 1 from {facts} where {day} <= $as_of)
"""
_AGE = "date_sub('year', birth_date, $as_of)"
_AGE_BAND = "case {} else '{}' end".format(
    " ".join(f"when {_AGE} < {band.below} then '{band.name}'" for band in AGE_BANDS[:-1]), AGE_BANDS[-1].name
)
_DIMENSIONS = (
    ("demographics", "age_band", f"select customer_key, {_AGE_BAND} as value from known where birth_date is not null"),
    *(
        (group, column, f"select customer_key, {column} as value from known")
        for group, column in (
            ("demographics", "gender"),
            ("demographics", "income_band"),
            ("demographics", "city"),
            ("behaviour", "acquisition_medium"),
        )
    ),
    *(
        ("behaviour", column, _MOST_OFTEN.format(column=column, facts=facts, day=day))
        for column, facts, day in (
            ("sales_channel", "customer.fct_orders", "ordered_on"),
            ("device_type", "customer.fct_web_sessions", "started_on"),
        )
    ),
    ("attitude", "nps_group", _LATEST_NPS),
    *(
        ("social", name, _WHETHER.format(person=person, facts=facts, day=day))
        for name, person, facts, day in (
            ("brought_friends", "referrer_customer_key", "customer.fct_referrals", "accepted_on"),
            ("mentioned_us", "customer_key", "customer.fct_social_mentions", "posted_on"),
        )
    ),
)


def cuts(connection: duckdb.DuckDBPyConnection, personas: pa.Table, as_of: date) -> pa.Table:
    """Return one row per persona, dimension and value: people, their share of the persona's known, lift over all's.

    Attributes of persons are those of the period of their history that holds the as-of date.
    """
    found = " union all ".join(
        f"select '{group}' as dimension_group, '{dimension}' as dimension, customer_key, value::varchar as value "
        f"from ({query}) where value is not null"
        for group, dimension, query in _DIMENSIONS
    )
    connection.register("placed", personas.select(["customer_key", "persona_number"]))
    try:
        return (
            connection.sql(
                f"""
            with known as (
                select * from customer.dim_customers_history
                where coalesce(valid_from <= $as_of, true) and coalesce(valid_to > $as_of, true)
            ),
            found as ({found}),
            counted as (
                select placed.persona_number, found.dimension_group, found.dimension, found.value, count(*) as people
                from found join placed on placed.customer_key = found.customer_key group by all
            ),
            shared as (
                select *, people / sum(people) over (partition by persona_number, dimension) as share,
                    sum(people) over (partition by dimension, value)
                        / sum(people) over (partition by dimension) as share_of_all
                from counted
            )
            select $as_of::date as as_of_date, persona_number, dimension_group, dimension, value, people,
                round(share, 9) as share, round(share / share_of_all, 9) as lift
            from shared order by persona_number, dimension_group, dimension, value
            """,
                params={"as_of": as_of},
            )
            .to_arrow_table()
            .cast(CUTS.schema)
        )
    finally:
        connection.unregister("placed")
