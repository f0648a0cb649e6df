"""Figures straight from the raw rows, as an independent second opinion on what the warehouse says."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from crm_pipeline.config.business import Business
from crm_pipeline.config.settings import Settings
from crm_pipeline.storage.raw_rows import PLACE, reader, table
from crm_pipeline.storage.sql import literal


@dataclass(frozen=True)
class Totals:
    """Counted orders (completed sales), the revenue of all orders net of returns, and what is no revenue.

    `shipping` and `tax` are those of orders that were not cancelled; `paid` is what payments brought, net of what was
    given back.
    """

    orders: int
    revenue: Decimal
    shipping: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)


def raw_totals(settings: Settings, business: Business, as_of: date) -> Totals:
    """Add up orders, their money and their payments as known at the end of the as-of date.

    All contributions to an order's revenue (its lines, its discount and refund, or its total where it has no lines)
    are put below each other, each in the business currency, and added up.
    """
    zone = literal(business.timezone)
    end = f"timezone('UTC', timezone({zone}, timestamp '{as_of.isoformat()}' + interval 1 day))"
    with reader(settings) as con:
        con.execute(f"create temp table rates as {_rates(settings, business, as_of)}")
        con.execute(f"create temp table placed as {_placed(settings, end, zone, business)}")
        con.execute(f"create temp view headers as {_headers(end)}")
        con.execute(f"create temp view lines as {_lines(settings, end)}")
        rows = con.execute(
            """
            with orders as (
                select _system, order_id, any_value(status) as header_status,
                    bool_or(is_line) as has_lines, sum(line_amount) as from_lines,
                    sum(discount) as discount, sum(header_amount) as from_header, sum(refund) as refund,
                    coalesce(max(line_amount), 0) > 0 as has_positive_line,
                    coalesce(sum(shipping) filter (where not is_line), sum(shipping), 0) as shipping,
                    coalesce(sum(tax) filter (where not is_line), sum(tax), 0) as tax,
                    count(*) filter (where is_line and line_status = 'completed') as completed_lines,
                    count(*) filter (where is_line and line_status = 'returned') as returned_lines
                from (
                    select _system, order_id, status, false as is_line, 0 as line_amount,
                        discount, header_amount, refund, null as line_status, shipping, tax
                    from headers
                    union all
                    select _system, order_id, null, true, amount, 0, 0, 0, line_status, shipping, tax from lines
                ) group by _system, order_id
            ),
            judged as (
                select *, coalesce(header_status, case when completed_lines > 0 then 'completed'
                    when returned_lines > 0 then 'returned' else 'cancelled' end) as status
                from orders
            ),
            valued as (
                select *, case
                    when status = 'cancelled' then 0
                    when has_lines then from_lines + case status when 'returned' then discount else -discount end
                    when status = 'returned' then -abs(from_header)
                    else from_header end as gross,
                    case when status = 'cancelled' then 0 else refund end as given_back
                from judged
            )
            select count(*) filter (where status = 'completed' and (gross >= 0 or has_positive_line)),
                coalesce(sum(gross - given_back), 0)::decimal(18, 2),
                coalesce(sum(shipping) filter (where status <> 'cancelled'), 0)::decimal(18, 2),
                coalesce(sum(tax) filter (where status <> 'cancelled'), 0)::decimal(18, 2)
            from valued
            """
        ).fetchall()
        paid = con.execute(_paid(settings, end, zone, business)).fetchall()[0][0]
    orders, revenue, shipping, tax = rows[0]
    return Totals(orders, revenue, shipping, tax, paid)


def _rates(settings: Settings, business: Business, as_of: date) -> str:
    """Return the query for the rate of each currency on each day, its latest; the business currency is worth itself."""
    return f"""
        with told as (
            select currency, rate_date, max_by(rate, {PLACE}) as rate
            from {table(settings, "exchange_rates")} where currency <> {literal(business.currency)}
            group by currency, rate_date
            union all select {literal(business.currency)}, date '1900-01-01', 1
        ),
        days as (
            select currency, unnest(range(first_on, date '{as_of.isoformat()}' + 1, interval 1 day))::date as day
            from (select currency, min(rate_date) as first_on from told group by currency)
        )
        select days.currency, day, rate
        from days asof join told on days.currency = told.currency and day >= rate_date
        """


def _placed(settings: Settings, end: str, zone: str, business: Business) -> str:
    """Return the query for the known orders: the header delivered last, when placed, and in which currency.

    A header dates its lines; an order without one is as old as its oldest line.
    """
    told = table(settings, "orders")
    return f"""
        with latest as (
            select _system, order_id, max({PLACE}) as place from {told} group by _system, order_id
        ),
        headers as (
            select _system, order_id, true as has_header, ordered_at, status as header_status, currency,
                discount_amount, total_amount, tax_amount, shipping_amount, duties_amount, gift_card_amount,
                refunded_amount, refunded_at
            from (select *, {PLACE} as place from {told}) semi join latest using (_system, order_id, place)
        )
        select headers.* exclude (_system, order_id, ordered_at, currency), _system, order_id,
            coalesce(ordered_at, first_line_at) as placed_at,
            coalesce(currency, line_currency, {literal(business.currency)}) as order_currency,
            (timezone({zone}, timezone('UTC', placed_at)))::date as day
        from headers full outer join (
            select _system, order_id, min(ordered_at) as first_line_at, max(currency) as line_currency
            from {table(settings, "order_lines")} where ordered_at is null or ordered_at < {end}
            group by _system, order_id
        ) using (_system, order_id)
        where coalesce(ordered_at, first_line_at) < {end}
        """


def _headers(end: str) -> str:
    """Return the query for what headers tell: each amount rounded on its own."""
    return f"""
        select _system, order_id, coalesce(header_status, 'completed') as status,
            round(coalesce(discount_amount, 0) * rate, 2) as discount,
            round(coalesce(total_amount, 0) * rate, 2) - round(coalesce(tax_amount, 0) * rate, 2)
                - round(coalesce(shipping_amount, 0) * rate, 2) - round(coalesce(duties_amount, 0) * rate, 2)
                - round(coalesce(gift_card_amount, 0) * rate, 2) as header_amount,
            case when refunded_at >= {end} then 0 else round(coalesce(refunded_amount, 0) * rate, 2) end as refund,
            round(shipping_amount * rate, 2) as shipping, round(tax_amount * rate, 2) as tax
        from placed left join rates on order_currency = rates.currency and placed.day = rates.day
        where has_header
        """


def _lines(settings: Settings, end: str) -> str:
    """Return the query for the signed amounts of the known lines; without a header, each counts from its own time."""
    return f"""
        select _system, order_id,
            case when 'cancelled' in (header_status, status) then 'cancelled'
                when 'returned' in (header_status, status) then 'returned' else 'completed' end as line_status,
            round(coalesce(net_amount, quantity * unit_price - coalesce(discount_amount, 0), 0) * rate, 2) as net,
            case when line_status = 'cancelled' or is_gift_card then 0 when line_status = 'returned' then -abs(net)
                else net end as amount,
            case when line_status = 'cancelled' then 0 else round(shipping_amount * rate, 2) end as shipping,
            case when line_status = 'cancelled' then 0 else round(tax_amount * rate, 2) end as tax
        from (
            select lines.*, placed.header_status, placed.day,
                coalesce(lines.currency, placed.order_currency) as line_currency
            from {table(settings, "order_lines")} as lines join placed using (_system, order_id)
            where placed.has_header or lines.ordered_at is null or lines.ordered_at < {end}
        ) as known left join rates on line_currency = rates.currency and known.day = rates.day
        """


def _paid(settings: Settings, end: str, zone: str, business: Business) -> str:
    """Return the query for what payments brought: each at the rate of its order's day, the last word on it alone."""
    return f"""
        with known as (
            select payments.*, amount < 0 or coalesce(kind = 'refund', false) as is_back, {PLACE} as place,
                coalesce(payments.currency, order_currency, {literal(business.currency)}) as paid_in,
                coalesce(placed.day, (timezone({zone}, timezone('UTC', paid_at)))::date) as paid_day
            from {table(settings, "payments")} as payments left join placed using (_system, order_id)
            where coalesce(paid_at, placed_at) < {end}
        ),
        last_words as (
            select max(place) as place from known where payment_id is not null or payment_number is not null
            group by _system, order_id, payment_id, payment_number, is_back
            union all
            select place from known where payment_id is null and payment_number is null
        )
        select coalesce(sum(
            if(is_back, -1, 1) * round(abs(amount) * rate, 2)
            - if(is_back or refunded_at >= {end}, 0,
                round(coalesce(refunded_amount, if(status = 'refunded', amount, 0)) * rate, 2))
        ), 0)::decimal(18, 2)
        from known semi join last_words using (place)
        left join rates on paid_in = rates.currency and paid_day = rates.day
        where coalesce(status, 'paid') in ('paid', 'refunded')
        """
