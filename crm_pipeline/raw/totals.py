"""Figures straight from the raw rows, as an independent second opinion on what the warehouse says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from crm_pipeline.dataset import Business
from crm_pipeline.raw.readers import literal
from crm_pipeline.settings import Settings
from crm_pipeline.stages import Stage


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

    All contributions to an order's revenue (its lines, its discount, or its total where it has no lines) are put below
    each other and added up.
    """
    end = f"timezone('UTC', timezone({literal(business.timezone)}, timestamp '{as_of.isoformat()}' + interval 1 day))"
    with _reader(settings) as con:
        con.execute(f"create temp view headers as {_headers(settings)}")
        con.execute(f"create temp view lines as {_lines(settings, end)}")
        rows = con.execute(
            f"""
            with orders as (
                select _system, order_id, any_value(placed_at) as placed_at, any_value(status) as header_status,
                    bool_or(is_line) as has_lines, sum(line_amount) as from_lines,
                    sum(discount) as discount, sum(header_amount) as from_header,
                    coalesce(max(line_amount), 0) > 0 as has_positive_line,
                    count(*) filter (where is_line and line_status = 'completed') as completed_lines,
                    count(*) filter (where is_line and line_status = 'returned') as returned_lines
                from (
                    select _system, order_id, ordered_at as placed_at, status, false as is_line, 0 as line_amount,
                        discount, header_amount, null as line_status
                    from headers
                    union all
                    select _system, order_id, placed_at, status, true, amount, 0, 0, line_status from lines
                ) group by _system, order_id
            ),
            judged as (
                select *, coalesce(header_status, case when completed_lines > 0 then 'completed'
                    when returned_lines > 0 then 'returned' else 'cancelled' end) as status
                from orders where placed_at < {end}
            ),
            valued as (
                select *, case
                    when status = 'cancelled' then 0
                    when has_lines then from_lines + case status when 'returned' then discount else -discount end
                    when status = 'returned' then -abs(from_header)
                    else from_header end as revenue
                from judged
            )
            select count(*) filter (where status = 'completed' and (revenue >= 0 or has_positive_line)),
                coalesce(sum(round(revenue, 2)), 0)::decimal(18, 2)
            from valued
            """
        ).fetchall()
    return Totals(orders=rows[0][0], revenue=rows[0][1])


def _headers(settings: Settings) -> str:
    """Return the query for one header per order: the one delivered last, where sources share a system."""
    return f"""
        select _system, order_id, newest.ordered_at, coalesce(newest.status, 'completed') as status,
            round(coalesce(newest.discount_amount, 0), 2) as discount,
            round(coalesce(newest.total_amount, 0)
                - coalesce(newest.tax_amount, 0) - coalesce(newest.shipping_amount, 0), 2) as header_amount
        from (
            select _system, order_id, max_by(header, (header._delivery, header._line)) as newest
            from {_table(settings, "orders")} as header group by _system, order_id
        )
        """


def _lines(settings: Settings, end: str) -> str:
    """Return the query for the signed amounts of the known lines.

    A header dates its lines; without one a line counts from its own time on, and one without time shares that of the
    order's other lines.
    """
    return f"""
        select lines._system, lines.order_id, headers.status,
            coalesce(headers.ordered_at, min(lines.ordered_at) over (partition by lines._system, lines.order_id))
                as placed_at,
            case when 'cancelled' in (headers.status, lines.status) then 'cancelled'
                when 'returned' in (headers.status, lines.status) then 'returned' else 'completed' end as line_status,
            round(coalesce(net_amount, quantity * unit_price - coalesce(discount_amount, 0), 0), 2) as net,
            case line_status when 'cancelled' then 0 when 'returned' then -abs(net) else net end as amount
        from {_table(settings, "order_lines")} as lines left join headers using (_system, order_id)
        where headers.order_id is not null or lines.ordered_at is null or lines.ordered_at < {end}
        """


def _table(settings: Settings, channel: str) -> str:
    files: Path = settings.lake / Stage.RAW / "current" / channel / "*.parquet"
    return f"read_parquet({literal(str(files))}, hive_partitioning = false)"


@contextmanager
def _reader(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    spill = settings.state / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
        "temp_directory": str(spill),
    }
    with duckdb.connect(config=config) as con:
        con.execute("set timezone = 'UTC'")
        yield con
