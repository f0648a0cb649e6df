"""Payments beside the orders that they pay, on the raw rows: what stops a run, and what is only warned of.

A shop may deliver payments of some orders alone: what lacks is counted between the first and the last order that has
any. That no payment finds its order is no part of a shop, but ids or a system that do not fit.
"""

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.raw.plausibility import EXAMPLES, Findings, shown
from crm_pipeline.storage.raw_rows import PLACE, reader, table

ENOUGH = 20
"""From so many payments on it stops a run that none of them names an order that is there."""

_ROUNDING = 0.05
_ORDERS = f"""
    with latest as (select _system, order_id, max({PLACE}) as place from orders group by _system, order_id),
    headers as (
        select * from (select *, {PLACE} as place from orders) semi join latest using (_system, order_id, place)
    ),
    charged as (
        select _system, order_id, min(ordered_at) as ordered_at, bool_and(coalesce(status, 'completed') = 'completed')
            as all_completed, sum(round(coalesce(net_amount, quantity * unit_price - coalesce(discount_amount, 0)), 2)
            + coalesce(shipping_amount, 0) + coalesce(tax_amount, 0)) as charged, max(shipping_amount) as line_shipping,
            max(tax_amount) as line_tax, max(currency) as line_currency
        from lines group by _system, order_id
    )
    select _system, order_id, coalesce(headers.ordered_at, charged.ordered_at) as ordered_at,
        coalesce(headers.currency, line_currency) as currency,
        coalesce(headers.status, 'completed') = 'completed' and coalesce(all_completed, true) as is_sold,
        coalesce(total_amount, charged - coalesce(headers.discount_amount, 0)
            + if(line_shipping is null, coalesce(headers.shipping_amount, 0), 0)
            + if(line_tax is null, coalesce(headers.tax_amount, 0), 0)) as due
    from headers full join charged using (_system, order_id)
    """
_BY_ORDER = f"""
    with told as (
        select *, amount < 0 or coalesce(kind = 'refund', false) as is_back, {PLACE} as place from payments
    ),
    last_words as (
        select max(place) as place from told where payment_id is not null or payment_number is not null
        group by _system, order_id, payment_id, payment_number, is_back
        union all select place from told where payment_id is null and payment_number is null
    )
    select _system, order_id, count(*) as payments, min(currency) as least_currency, max(currency) as greatest_currency,
        coalesce(sum(amount) filter (where not is_back), 0) as paid,
        coalesce(sum(
            if(is_back, abs(amount), coalesce(refunded_amount, if(status = 'refunded', amount, 0)))
        ), 0) as back
    from told semi join last_words using (place) where coalesce(status, 'paid') in ('paid', 'refunded')
    group by _system, order_id
    """


def payment_findings(settings: Settings) -> tuple[Findings, Findings]:
    """Return what stops a run, and what is only warned of."""
    with reader(settings) as con:
        for view, channel in (("orders", "orders"), ("lines", "order_lines"), ("payments", "payments")):
            con.execute(f"create temp view {view} as from {table(settings, channel)}")
        con.execute(f"create temp table placed as {_ORDERS}")
        con.execute(f"create temp table by_order as {_BY_ORDER}")
        stops, warns = _without_order(con)
        return {"payments": stops}, {"payments": warns + _unlike_their_orders(con)}


def _without_order(con: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
    """Name the sources whose payments find no order: all of them, or some."""
    rows = con.execute(
        f"""
        select payments._source, payments._system, count(*), count(*) filter (where placed.order_id is null) as lost,
            list_sort(min(payments.order_id, {EXAMPLES + 1}) filter (where placed.order_id is null))
        from payments left join placed using (_system, order_id)
        group by all having lost > 0 order by 1
        """
    ).fetchall()
    stops, warns = [], []
    for source, system, count, lost, ids in rows:
        if lost == count >= ENOUGH:
            stops.append(
                f"Source {source}: none of its {count:,} payments names an order of the system {system}{shown(ids)}. "
                f"Give the sources of orders and payments the same `system:`, and map order_id to the orders' own id."
            )
        else:
            warns.append(
                f"Source {source}: {lost:,} of {count:,} payments name an order that the system {system} did not "
                f"deliver{shown(ids)}; they count as paid, and for no person."
            )
    return stops, warns


def _unlike_their_orders(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Count by system the orders that are not paid, or paid otherwise than they cost."""
    con.execute(
        f"""
        create temp table compared as
        with periods as (
            select _system, min(ordered_at) as first_at, max(ordered_at) as last_at
            from placed semi join by_order using (_system, order_id) group by _system
        )
        select placed._system, placed.order_id, due, coalesce(paid, 0) as paid, coalesce(back, 0) as back,
            is_sold and due > {_ROUNDING} and coalesce(least_currency = currency, true)
                and coalesce(greatest_currency = currency, true) as is_comparable,
            case
                when back > paid + {_ROUNDING} then 'back'
                when is_comparable and coalesce(paid, 0) = 0 then 'unpaid'
                when is_comparable and paid < due - {_ROUNDING} then 'part'
                when is_comparable and paid > due + {_ROUNDING} then 'over'
            end as kind
        from placed join periods on placed._system = periods._system and ordered_at between first_at and last_at
        left join by_order on placed._system = by_order._system and placed.order_id = by_order.order_id
        """
    )
    rows = con.execute(
        f"""
        select _system, kind, count(*), list_sort(min(order_id, {EXAMPLES + 1})), sum(due), sum(paid), sum(back)
        from compared where kind is not null group by all order by all
        """
    ).fetchall()
    told = {
        "unpaid": "{count:,} orders{ids} have no payment, {due:,.2f} in all, though orders before and after have one.",
        "part": "{count:,} orders{ids} are paid in part: {paid:,.2f} of {due:,.2f}.",
        "over": "{count:,} orders{ids} are paid with more than they cost: {paid:,.2f} for {due:,.2f}. If that is what "
        "they cost, total_amount, shipping_amount or tax_amount of the orders or lines lacks a part.",
        "back": "{count:,} orders{ids} got more back than was paid: {back:,.2f} of {paid:,.2f}.",
    }
    return [
        f"System {system}: {told[kind].format(count=count, ids=shown(ids), due=due or 0, paid=paid, back=back)}"
        for system, kind, count, ids, due, paid, back in rows
    ]
