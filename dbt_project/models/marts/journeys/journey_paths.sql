-- The ways that lead to an order, and the places where people leave, in the 12 months up to the as-of date.

{%- set most = 50 %}

with orders as (
    select * from {{ ref('fct_orders') }} where ordered_on > {{ add_months(as_of_date(), -12) }}
),

order_touches as (
    select
        *,
        medium || ' ' || kind as step,
        lag(medium || ' ' || kind) over (partition by order_key order by position nulls last) as previous_step
    from {{ ref('order_touches') }}
),

touches as (
    select
        *,
        medium || ' ' || case when carted_at is not null then 'cart' else kind end as step,
        lead(occurred_on) over (
            partition by customer_key order by occurred_at asc nulls last, medium asc nulls last
        ) as next_on
    from {{ ref('medium_touches') }}
),

-- A step again and again is one step of the path.
paths as (
    select
        orders.order_key,
        {{ joined_text('order_touches.step', ' > ', 'order_touches.position nulls last') }} as path,
        count(*) as steps
    from order_touches
    inner join orders on order_touches.order_key = orders.order_key
    where order_touches.previous_step is distinct from order_touches.step
    group by orders.order_key
),

to_order as (
    select
        'order' as outcome,
        paths.path,
        paths.steps,
        count(distinct orders.customer_key) as people,
        count(*) as journeys,
        sum(orders.revenue) as revenue
    from paths
    inner join orders on paths.order_key = orders.order_key
    group by paths.path, paths.steps
),

-- The last touch before as many days without another one or an order; younger ones may still lead somewhere.
departures as (
    select
        'left' as outcome,
        step as path,
        1 as steps,
        count(distinct customer_key) as people,
        count(*) as journeys,
        cast(null as decimal(18, 2)) as revenue
    from touches
    where
        next_order_on is null
        and (next_on is null or next_on > {{ add_days('occurred_on', var('attribution_days')) }})
        and occurred_on <= {{ add_days(as_of_date(), -(var('attribution_days') | int)) }}
        and occurred_on > {{ add_months(as_of_date(), -12) }}
    group by step
),

outcomes as (
    select * from to_order
    union all
    select * from departures
),

ranked as (
    select
        *,
        row_number() over (partition by outcome order by people desc, journeys desc, path asc nulls last) as rank,
        sum(journeys) over (partition by outcome) as all_journeys
    from outcomes
)

select
    outcome,
    rank,
    path,
    cast(steps as bigint) as steps,
    people,
    journeys,
    cast(revenue as decimal(18, 2)) as revenue,
    {{ ratio('journeys', 'all_journeys') }} as share
from ranked
where rank <= {{ most }}
