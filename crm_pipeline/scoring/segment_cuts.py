"""Segments cut by who people are, what they do, what they think and whom they bring."""

from datetime import date

import duckdb
import pyarrow as pa

CUTS_SCHEMA = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("segment_id", pa.int64()),
        ("dimension_group", pa.string()),
        ("dimension", pa.string()),
        ("value", pa.string()),
        ("people", pa.int64()),
        ("share", pa.float64()),
        ("lift", pa.float64()),
    ]
)

# Group, dimension, and a query that gives one row per person of whom a value was known at the as-of date.
_DIMENSIONS = (
    ("demographics", "age_band", "select customer_key, {age_band} as value from known where birth_date is not null"),
    ("demographics", "gender", "select customer_key, gender as value from known"),
    ("demographics", "income_band", "select customer_key, income_band as value from known"),
    ("demographics", "city", "select customer_key, city as value from known"),
    ("behaviour", "acquisition_channel", "select customer_key, acquisition_channel as value from known"),
    (
        "behaviour",
        "sales_channel",
        "select customer_key, sales_channel as value from customer.fct_orders "
        "where is_counted and ordered_on <= $as_of and sales_channel is not null group by customer_key, sales_channel "
        "qualify row_number() over (partition by customer_key order by count(*) desc, sales_channel) = 1",
    ),
    (
        "behaviour",
        "device",
        "select customer_key, device_type as value from customer.fct_web_sessions "
        "where started_on <= $as_of and device_type is not null group by customer_key, device_type "
        "qualify row_number() over (partition by customer_key order by count(*) desc, device_type) = 1",
    ),
    (
        "attitude",
        "nps_group",
        "select customer_key, nps_group as value from customer.fct_survey_responses "
        "where answered_on <= $as_of and nps_group is not null "
        "qualify row_number() over (partition by customer_key order by answered_at desc, response_key) = 1",
    ),
    (
        "social",
        "referrals",
        "select customer_key, case when exists (select 1 from customer.fct_referrals "
        "where referrer_customer_key = placed.customer_key and accepted_on <= $as_of) then 'brought friends' "
        "else 'none' end as value from placed where exists (select 1 from customer.fct_referrals where invited_on <= $as_of)",
    ),
    (
        "social",
        "mentions",
        "select customer_key, case when exists (select 1 from customer.fct_social_mentions as mentions "
        "where mentions.customer_key = placed.customer_key and posted_on <= $as_of) then 'speaks of us' "
        "else 'none' end as value from placed "
        "where exists (select 1 from customer.fct_social_mentions where posted_on <= $as_of)",
    ),
)
_AGE = "date_sub('year', birth_date, $as_of)"
_AGE_BAND = (
    "case "
    + " ".join(
        f"when {_AGE} < {limit} then '{name}'"
        for limit, name in [
            (18, "under 18"),
            (25, "18-24"),
            *((top, f"{top - 10}-{top - 1}") for top in range(35, 76, 10)),
        ]
    )
    + " else '75+' end"
)


def cuts(connection: duckdb.DuckDBPyConnection, segments: pa.Table, as_of: date) -> pa.Table:
    """Return one row per segment, dimension and value: people, their share of the segment's known, lift over all's.

    Attributes of persons are those of the period of their history that holds the as-of date.
    """
    found = " union all ".join(
        f"select '{group}' as dimension_group, '{dimension}' as dimension, customer_key, value::varchar as value "
        f"from ({query.format(age_band=_AGE_BAND)}) where value is not null"
        for group, dimension, query in _DIMENSIONS
    )
    connection.register("placed", segments.select(["customer_key", "segment_id"]))
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
                select placed.segment_id, found.dimension_group, found.dimension, found.value, count(*) as people
                from found join placed on placed.customer_key = found.customer_key group by all
            ),
            shared as (
                select *, people / sum(people) over (partition by segment_id, dimension) as share,
                    sum(people) over (partition by dimension, value)
                        / sum(people) over (partition by dimension) as share_of_all
                from counted
            )
            select $as_of::date as as_of_date, segment_id, dimension_group, dimension, value, people,
                round(share, 9) as share, round(share / share_of_all, 9) as lift
            from shared order by segment_id, dimension_group, dimension, value
            """,
                params={"as_of": as_of},
            )
            .to_arrow_table()
            .cast(CUTS_SCHEMA)
        )
    finally:
        connection.unregister("placed")
