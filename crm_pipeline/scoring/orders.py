"""The orders of known people, as they were known at a date."""

from datetime import date

import duckdb

MOVEMENTS = """
    orders as (select * from customer.fct_orders where customer_key is not null),
    movements as (
        select customer_key, ordered_on as day, is_counted, margin + refunded_margin as margin from orders
        union all
        select customer_key, coalesce(refunded_on, ordered_on), false, -refunded_margin
        from orders where refunded_margin <> 0
    )
"""
"""SQL of the CTE `movements`: what orders, returns and refunds did to margin, each on its own day."""


def history_days(connection: duckdb.DuckDBPyConnection, as_of: date) -> int:
    """Return the days from the first counted order of a known person to `as_of`; 0 where there is none."""
    rows = connection.sql(
        "select $as_of::date - min(ordered_on) from customer.fct_orders "
        "where is_counted and customer_key is not null and ordered_on <= $as_of",
        params={"as_of": as_of},
    ).fetchall()
    return rows[0][0] or 0
