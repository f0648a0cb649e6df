-- When people buy and visit, by the hours of the business, in the 12 months up to the as-of date.

with orders as (
    select * from {{ ref('fct_orders') }} where is_counted and ordered_on > {{ add_months(as_of_date(), -12) }}
),

visits as (
    select * from {{ ref('fct_web_sessions') }} where started_on > {{ add_months(as_of_date(), -12) }}
),

activity as (
    select
        {{ weekday('ordered_on') }} as weekday,
        {{ local_hour('ordered_at') }} as hour,
        coalesce(sales_channel, 'unknown') as sales_channel,
        1 as orders,
        null as visits
    from orders
    union all
    select
        {{ weekday('started_on') }} as weekday,
        {{ local_hour('started_at') }} as hour,
        platform as sales_channel,
        null as orders,
        1 as visits
    from visits
),

hours as (
    select
        weekday,
        hour,
        sales_channel,
        count(orders) as orders,
        count(visits) as visits
    from activity
    group by weekday, hour, sales_channel
),

with_totals as (
    select
        *,
        sum(orders) over (partition by sales_channel) as all_orders,
        sum(visits) over (partition by sales_channel) as all_visits
    from hours
)

-- A sales channel that has no visits, such as a store, has none to count.
select
    weekday,
    cast(hour as bigint) as hour,
    sales_channel,
    case when all_orders > 0 then orders end as orders,
    {{ ratio('orders', 'all_orders') }} as order_share,
    case when all_visits > 0 then visits end as visits,
    {{ ratio('visits', 'all_visits') }} as visit_share
from with_totals
