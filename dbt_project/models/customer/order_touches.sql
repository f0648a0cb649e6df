-- The path to each order. A visit that does not say where it came from is how an order is placed, not what brought it:
-- it is on the path only where nothing else is.

with orders as (
    select * from {{ ref('fct_orders') }} where is_counted and customer_key is not null
),

touches as (
    select * from {{ ref('medium_touches') }}
),

looked_back as (
    select
        orders.order_key,
        orders.customer_key,
        orders.ordered_on,
        touches.medium,
        touches.kind,
        touches.occurred_at,
        {{ days_between('touches.occurred_on', 'orders.ordered_on') }} as days_before,
        count(*) filter (where touches.medium <> 'direct') over (partition by orders.order_key) as told_touches
    from orders
    inner join touches
        on
            orders.customer_key = touches.customer_key
            and orders.ordered_at >= touches.occurred_at
            and touches.occurred_on >= {{ add_days('orders.ordered_on', -(var('attribution_days') | int)) }}
)

select
    order_key,
    customer_key,
    ordered_on,
    row_number() over (partition by order_key order by occurred_at asc nulls last, medium asc nulls last) as position,
    count(*) over (partition by order_key) as touches,
    medium,
    kind,
    occurred_at,
    days_before
from looked_back
where medium <> 'direct' or told_touches = 0
