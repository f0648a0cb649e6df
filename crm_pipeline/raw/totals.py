"""Figures straight from the raw rows, as an independent second opinion on what the warehouse says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from crm_pipeline.dataset import Business
from crm_pipeline.raw.source_rows import literal
from crm_pipeline.settings import Settings
from crm_pipeline.stages import Stage
from crm_pipeline.warehouse import limits


@dataclass(frozen=True)
class Totals:
    """Counted orders (completed sales) and the revenue of all orders, net of returns."""

    orders: int
    revenue: Decimal


def latest_complete_day(settings: Settings, business: Business) -> date | None:
    """Return the day before that of the newest order, in the business time zone; None where there are no orders.

    The newest day may still be filling.
    """
    zone = literal(business.timezone)
    with _reader(settings) as con:
        query = f"""
            select (timezone({zone}, timezone('UTC', max(ordered_at))))::date - 1
            from (
                select max(ordered_at) as ordered_at from {_table(settings, "orders")}
                union all
                select max(ordered_at) from {_table(settings, "order_lines")}
            )
            """
        return con.execute(query).fetchall()[0][0]


def raw_totals(settings: Settings, business: Business, as_of: date) -> Totals:
    """Add up orders and revenue as known at the end of the as-of date.

    All contributions to an order's revenue (its lines, its discount and refund, or its total where it has no lines)
    are put below each other, each in the business currency, and added up.
    """
    zone = literal(business.timezone)
    end = f"timezone('UTC', timezone({zone}, timestamp '{as_of.isoformat()}' + interval 1 day))"
    with _reader(settings) as con:
        con.execute(f"create temp view rates as {_rates(settings, business)}")
        con.execute(f"create temp view placed as {_placed(settings, end, zone, business)}")
        con.execute(f"create temp view headers as {_headers(end)}")
        con.execute(f"create temp view lines as {_lines(settings, end)}")
        rows = con.execute(
            """
            with orders as (
                select _system, order_id, any_value(status) as header_status,
                    bool_or(is_line) as has_lines, sum(line_amount) as from_lines,
                    sum(discount) as discount, sum(header_amount) as from_header, sum(refund) as refund,
                    coalesce(max(line_amount), 0) > 0 as has_positive_line,
                    count(*) filter (where is_line and line_status = 'completed') as completed_lines,
                    count(*) filter (where is_line and line_status = 'returned') as returned_lines
                from (
                    select _system, order_id, status, false as is_line, 0 as line_amount,
                        discount, header_amount, refund, null as line_status
                    from headers
                    union all
                    select _system, order_id, null, true, amount, 0, 0, 0, line_status from lines
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
                coalesce(sum(gross - given_back), 0)::decimal(18, 2)
            from valued
            """
        ).fetchall()
    return Totals(orders=rows[0][0], revenue=rows[0][1])


def _rates(settings: Settings, business: Business) -> str:
    """Return the query for the rates that hold from a day on; the business currency is worth itself."""
    return f"""
        select currency, rate_date, max_by(rate, (_delivery, _line)) as rate
        from {_table(settings, "exchange_rates")} where currency <> {literal(business.currency)}
        group by currency, rate_date
        union all select {literal(business.currency)}, date '1900-01-01', 1
        """


def _placed(settings: Settings, end: str, zone: str, business: Business) -> str:
    """Return the query for the known orders: the header delivered last, when placed, and in which currency.

    A header dates its lines; an order without one is as old as its oldest line.
    """
    return f"""
        select _system, order_id, header, coalesce(header.ordered_at, first_line_at) as placed_at,
            coalesce(header.currency, line_currency, {literal(business.currency)}) as order_currency,
            (timezone({zone}, timezone('UTC', placed_at)))::date as day
        from (
            select _system, order_id, max_by(header, (header._delivery, header._line)) as header
            from {_table(settings, "orders")} as header group by _system, order_id
        ) full outer join (
            select _system, order_id, min(ordered_at) as first_line_at, max(currency) as line_currency
            from {_table(settings, "order_lines")} where ordered_at is null or ordered_at < {end}
            group by _system, order_id
        ) using (_system, order_id)
        where coalesce(header.ordered_at, first_line_at) < {end}
        """


def _headers(end: str) -> str:
    """Return the query for what headers tell: each amount rounded on its own."""
    return f"""
        select _system, order_id, coalesce(header.status, 'completed') as status,
            round(coalesce(header.discount_amount, 0) * rate, 2) as discount,
            round(coalesce(header.total_amount, 0) * rate, 2) - round(coalesce(header.tax_amount, 0) * rate, 2)
                - round(coalesce(header.shipping_amount, 0) * rate, 2) as header_amount,
            case when header.refunded_at >= {end} then 0
                else round(coalesce(header.refunded_amount, 0) * rate, 2) end as refund
        from placed asof left join rates on order_currency = rates.currency and day >= rates.rate_date
        where header is not null
        """


def _lines(settings: Settings, end: str) -> str:
    """Return the query for the signed amounts of the known lines; without a header, each counts from its own time."""
    return f"""
        select _system, order_id,
            case when 'cancelled' in (header_status, status) then 'cancelled'
                when 'returned' in (header_status, status) then 'returned' else 'completed' end as line_status,
            round(coalesce(net_amount, quantity * unit_price - coalesce(discount_amount, 0), 0) * rate, 2) as net,
            case line_status when 'cancelled' then 0 when 'returned' then -abs(net) else net end as amount
        from (
            select lines.*, placed.header.status as header_status, placed.day,
                coalesce(lines.currency, placed.order_currency) as line_currency
            from {_table(settings, "order_lines")} as lines join placed using (_system, order_id)
            where placed.header is not null or lines.ordered_at is null or lines.ordered_at < {end}
        ) asof left join rates on line_currency = rates.currency and day >= rates.rate_date
        """


def _table(settings: Settings, channel: str) -> str:
    files: Path = settings.lake / Stage.RAW / "current" / channel / "*.parquet"
    return f"read_parquet({literal(str(files))}, hive_partitioning = false)"


@contextmanager
def _reader(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config=limits(settings)) as con:
        con.execute("set timezone = 'UTC'")
        yield con
