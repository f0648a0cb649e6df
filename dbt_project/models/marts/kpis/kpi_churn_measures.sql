with segments as (
    {{ rfm_segments() }}
),

months as (
    select distinct month from {{ ref('time_spine') }}
),

order_days as (
    select distinct customer_key, ordered_on
    from {{ ref('fct_orders') }}
    where is_counted and customer_key is not null
),

-- A customer lapses on the day after the churn horizon, unless an order comes before, and is back with the next order.
-- Counting both kinds of event by month avoids joining each customer to each month.
lapses as (
    select
        customer_key,
        ordered_on,
        {{ add_days('ordered_on', (var('churn_horizon_days') | int) + 1) }} as lapsed_on,
        lead(ordered_on) over (partition by customer_key order by ordered_on nulls last) as back_on
    from order_days
),

events as (
    select customer_key, min(ordered_on) as happened_on, 1 as customers, 0 as lapsed, 0 as newly_lapsed
    from order_days
    group by customer_key
    union all
    select customer_key, lapsed_on as happened_on, 0 as customers, 1 as lapsed, 1 as newly_lapsed
    from lapses
    where lapsed_on <= {{ as_of_date() }} and (back_on is null or back_on >= lapsed_on)
    union all
    select customer_key, back_on as happened_on, 0 as customers, -1 as lapsed, 0 as newly_lapsed
    from lapses
    where back_on >= lapsed_on
),

segment_events as (
    select
        events.*,
        {{ month_of('events.happened_on') }} as month,
        {{ segment_of('events.customer_key', 'segments.rfm_segment') }} as segment
    from events
    left join segments on events.customer_key = segments.customer_key
),

cells as (
    select
        month,
        {{ dimension_columns(['segment']) }},
        sum(customers) as customers,
        sum(lapsed) as lapsed,
        sum(newly_lapsed) as newly_lapsed
    from segment_events
    group by {{ each_dimension(['segment']) }}
),

known as (
    select distinct dimension, dimension_value from cells
),

grid as (
    select months.month, known.dimension, known.dimension_value
    from months
    cross join known
),

summed as (
    select
        grid.*,
        coalesce(cells.newly_lapsed, 0) as newly_lapsed,
        sum(coalesce(cells.customers, 0)) over so_far as customers_so_far,
        sum(coalesce(cells.lapsed, 0)) over so_far as lapsed_so_far
    from grid
    left join cells
        on
            grid.month = cells.month
            and grid.dimension = cells.dimension
            and grid.dimension_value = cells.dimension_value
    window so_far as (partition by grid.dimension, grid.dimension_value order by grid.month nulls last)
)

select
    month,
    dimension,
    dimension_value,
    cast(customers_so_far as bigint) as customers_so_far,
    cast(lapsed_so_far as bigint) as lapsed_customers,
    cast(newly_lapsed as bigint) as newly_lapsed_customers,
    cast(
        lag(customers_so_far - lapsed_so_far) over (
            partition by dimension, dimension_value order by month nulls last
        ) as bigint
    ) as current_customers_before
from summed
