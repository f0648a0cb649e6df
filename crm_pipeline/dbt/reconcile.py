"""Totals of each dbt stage, each counted on that stage's own tables, to be compared with the raw files'."""

from datetime import date
from decimal import Decimal

import duckdb

from crm_pipeline.raw.totals import Totals
from crm_pipeline.stages import Stage

_NO_REVENUE = """
    sum(shipping_amount) filter (where status <> 'cancelled'), sum(tax_amount) filter (where status <> 'cancelled')
"""
_STAGING = f"""
    select count(*) filter (where kind = 'sale' and status = 'completed'), sum(revenue), {_NO_REVENUE},
        (select sum(net_amount) from staging.stg_payments)
    from staging.stg_orders
"""
_CUSTOMER = f"""
    select count(*) filter (where is_counted), sum(revenue), {_NO_REVENUE},
        (select sum(net_amount) from customer.fct_payments)
    from customer.fct_orders
"""
_CUSTOMER_LINES = """
    select
        (select coalesce(sum(revenue), 0) from customer.fct_order_lines)
        + (select coalesce(sum(revenue), 0) from customer.fct_orders
           where order_key not in (select order_key from customer.fct_order_lines))
"""
_MARTS = """
    select
        coalesce(sum(value) filter (where kpi = 'orders'), 0),
        coalesce(sum(value) filter (where kpi = 'revenue'), 0),
        (select sum(shipping_amount) from marts.sales_by_state),
        (select sum(tax_amount) from marts.sales_by_state),
        (select sum(paid_amount - repaid_amount) from marts.payment_methods)
    from marts.kpi_scorecard
    where dimension = 'all'
"""
_QUERIES = {Stage.STAGING: _STAGING, Stage.CUSTOMER: _CUSTOMER, Stage.MARTS: _MARTS}


def totals(connection: duckdb.DuckDBPyConnection, stage: Stage) -> Totals:
    """Count a dbt stage's orders, their money and their payments on its own tables.

    Raises:
        KeyError: if the stage holds no orders of its own (features).
    """
    orders, *amounts = connection.execute(_QUERIES[stage]).fetchall()[0]
    return Totals(int(orders), *map(_cents, amounts))


def line_revenue(connection: duckdb.DuckDBPyConnection) -> Decimal:
    """Revenue of stage customer told by order lines (and by orders that have none)."""
    return _cents(connection.execute(_CUSTOMER_LINES).fetchall()[0][0])


def difference(expected: Totals, found: Totals, expected_in: str, found_in: str) -> str | None:
    """One sentence on how two totals differ, or None where they are equal to the cent."""
    parts = []
    if expected.orders != found.orders:
        parts.append(f"{found.orders:,} orders instead of {expected.orders:,}")
    for name in ("revenue", "shipping", "tax", "paid"):
        there, here = getattr(expected, name), getattr(found, name)
        if there != here:
            parts.append(f"{name} {here:,} instead of {there:,}")
    return f"{found_in} holds {' and '.join(parts)}, which {expected_in} holds." if parts else None


_UNLIKE_STAGING = """
    select coalesce(stg_orders.order_key, fct_orders.order_key), stg_orders.system, stg_orders.order_id
    from staging.stg_orders full join customer.fct_orders on stg_orders.order_key = fct_orders.order_key
    where stg_orders.revenue is distinct from fct_orders.revenue
    order by all limit 5
"""
_UNLIKE_LINES = """
    select orders.order_key, orders.system, orders.order_id
    from customer.fct_orders as orders
    join (select order_key, sum(revenue) as revenue from customer.fct_order_lines group by order_key) as lines
        on orders.order_key = lines.order_key
    where orders.revenue <> lines.revenue
    order by all limit 5
"""


def orders_unlike_staging(connection: duckdb.DuckDBPyConnection) -> str:
    """Name up to five orders that stage customer lacks, doubles or holds with another revenue than staging."""
    return _named(connection, _UNLIKE_STAGING)


def orders_unlike_their_lines(connection: duckdb.DuckDBPyConnection) -> str:
    """Name up to five orders whose lines add up to something else."""
    return _named(connection, _UNLIKE_LINES)


def _named(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    rows = connection.execute(query).fetchall()
    told = "; ".join(f"order {order_id} of {system} (order_key {key})" for key, system, order_id in rows)
    return f"For example: {told}." if told else ""


# One date at a time: all dates at once are more than fits in memory.
_COUNTED = """
    select coalesce(sum(orders_lifetime), 0), max(last_order_on) from features.customer_features
    where as_of_date = $day
"""
_PLACED = """
    select count(*) from customer.fct_orders where is_counted and customer_key is not null and ordered_on <= $day
"""


def features_from_the_future(connection: duckdb.DuckDBPyConnection, as_of: date) -> str | None:
    """One sentence on the first as-of date whose features count other orders than were placed by then, or None."""
    days = connection.execute("select as_of_date from features.as_of_dates order by as_of_date").fetchall()
    wrong = []
    for (day,) in days:
        counted, last = connection.execute(_COUNTED, {"day": day}).fetchall()[0]
        (placed,) = connection.execute(_PLACED, {"day": day}).fetchall()[0]
        if counted != placed or (last and last > day) or day > as_of:
            wrong.append((day, counted, placed, last))
    if not wrong:
        return None
    day, counted, placed, last = wrong[0]
    return (
        f"Features as of {day} count {counted:,} orders, the last of {last}, where {placed:,} had been placed by then "
        f"(and {len(wrong) - 1} more dates): a feature knows the future or has lost the past."
    )


def _cents(value: object) -> Decimal:
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))
