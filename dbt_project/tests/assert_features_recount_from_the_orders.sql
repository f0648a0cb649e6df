{{ config(meta={'dagster': {'ref': {'name': 'sampled_features'}}}) }}

-- Counted again straight from the orders of each as-of date, by another way than the model takes.
with features as (
    select
        as_of_date,
        sum(orders_lifetime) as orders,
        sum(revenue_lifetime) as revenue,
        sum(orders_90d) as orders_90d,
        max(last_order_on) as last_order_on
    from {{ ref('sampled_features') }}
    group by as_of_date
),

by_day as (
    select
        ordered_on,
        refunded_on,
        sum(refunded_amount) as refunded_amount,
        count(*) filter (where is_counted) as orders,
        sum(revenue) as revenue,
        max(ordered_on) filter (where is_counted) as last_order_on
    from {{ ref('fct_orders') }}
    where customer_key in (select customer_key from {{ ref('sampled_features') }})
    group by ordered_on, refunded_on
),

recounted as (
    select
        features.as_of_date,
        coalesce(sum(by_day.orders), 0) as orders,
        -- A refund that is yet to come is still part of the revenue.
        coalesce(sum(
            by_day.revenue
            + case when by_day.refunded_on > features.as_of_date then by_day.refunded_amount else 0 end
        ), 0) as revenue,
        coalesce(sum(by_day.orders) filter (
            where by_day.ordered_on > {{ add_days('features.as_of_date', -90) }}
        ), 0) as orders_90d,
        max(by_day.last_order_on) as last_order_on
    from features
    left join by_day on features.as_of_date >= by_day.ordered_on
    group by features.as_of_date
)

select features.as_of_date, features.orders, recounted.orders as recounted_orders
from features
inner join recounted on features.as_of_date = recounted.as_of_date
where
    features.orders <> recounted.orders
    or features.revenue <> recounted.revenue
    or features.orders_90d <> recounted.orders_90d
    or features.last_order_on is distinct from recounted.last_order_on
