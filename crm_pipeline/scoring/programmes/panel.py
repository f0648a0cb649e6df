"""What each unit sold in each month around the start of a programme: a table without holes, of complete months."""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt

from crm_pipeline.config.programmes import Measure, Programme
from crm_pipeline.scoring.model import Floats

# How a measure adds up over movements; a refund counts in the month in which it was given.
_MEASURES: dict[Measure, str] = {
    "revenue": "sum(revenue)",
    "margin": "sum(margin)",
    "orders": "count(*) filter (where is_counted)",
    "buyers": "count(distinct customer_key) filter (where is_counted)",
}


@dataclass(frozen=True)
class Panel:
    """Units by months.

    Attributes:
        units: names, in order.
        treated: which of them have the programme.
        months: first day of each month, in order.
        after: which of the months have it.
        values: the measure, a row per unit and a column per month.
        left_out: how many units, those named as treated included, did not trade from the first month to the last.
    """

    units: tuple[str, ...]
    treated: npt.NDArray[np.bool_]
    months: tuple[date, ...]
    after: npt.NDArray[np.bool_]
    values: Floats
    left_out: int


def panel(connection: duckdb.DuckDBPyConnection, programme: Programme, as_of: date) -> Panel:
    """Return the panel of a programme, of months that were over by `as_of` and that the orders cover.

    The first month of all orders may have begun before they did, so it counts only where it is the whole of a month.
    """
    rows = connection.sql(
        f"""
        with movements as (
            select {programme.unit} as unit, customer_key, ordered_on as day, is_counted,
                revenue + refunded_amount as revenue, margin + refunded_margin as margin
            from customer.fct_orders
            union all
            select {programme.unit}, customer_key, coalesce(refunded_on, ordered_on), false,
                -refunded_amount, -refunded_margin
            from customer.fct_orders
            where refunded_amount <> 0 or refunded_margin <> 0
        ),
        -- Months are complete from the first day of an order on, and up to the as-of date.
        covered as (
            select
                case when min(day) = date_trunc('month', min(day)) then min(day)::date
                    else (date_trunc('month', min(day)) + interval 1 month)::date end as first_month,
                (date_trunc('month', $as_of::date + 1) - interval 1 month)::date as last_month
            from movements
            where day <= $as_of
        ),
        months as (
            select unnest(generate_series(
                greatest(first_month, ($starts_on::date - to_months($months::int))::date),
                least(last_month, ($starts_on::date + to_months($months::int - 1))::date),
                interval 1 month
            ))::date as month_start
            from covered
        ),
        measured as (
            select unit, date_trunc('month', day)::date as month_start,
                ({_MEASURES[programme.measure]})::double as value
            from movements
            where unit is not null and date_trunc('month', day)::date in (select month_start from months)
            group by unit, date_trunc('month', day)::date
        ),
        units as (
            select unit, min(month_start) = (select min(month_start) from months)
                and max(month_start) = (select max(month_start) from months) as is_steady
            from measured
            group by unit
        )
        select unit, is_steady, month_start, coalesce(value, 0)
        from units
        cross join months
        left join measured using (unit, month_start)
        order by unit, month_start
        """,
        params={"as_of": as_of, "starts_on": programme.starts_on, "months": programme.months},
    ).fetchall()
    units = tuple(dict.fromkeys(unit for unit, steady, *_ in rows if steady))
    months = tuple(dict.fromkeys(row[2] for row in rows))
    return Panel(
        units=units,
        treated=np.isin(np.array(units, dtype=np.str_), programme.treated),
        months=months,
        after=np.array([month >= programme.starts_on for month in months], dtype=bool),
        values=np.array([row[3] for row in rows if row[1]], dtype=float).reshape(len(units), len(months)),
        left_out=len({row[0] for row in rows}.union(programme.treated)) - len(units),
    )
