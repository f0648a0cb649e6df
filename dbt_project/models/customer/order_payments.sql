-- What was paid of each order. A system's payments are known for orders between the first and the last that has any: of
-- those before and after nobody knows whether they were paid.

with orders as (
    select order_key, system, ordered_on from {{ ref('stg_orders') }}
),

payments as (
    select * from {{ ref('stg_payments') }} where order_key is not null
),

periods as (
    select orders.system, min(orders.ordered_on) as first_on, max(orders.ordered_on) as last_on
    from orders
    inner join payments on orders.order_key = payments.order_key
    group by orders.system
),

by_order as (
    select
        order_key,
        sum(paid_amount) as paid_amount,
        sum(repaid_amount) as repaid_amount,
        max(instalments) filter (where paid_amount > 0) as instalments
    from payments
    group by order_key
),

by_method as (
    select order_key, method, sum(paid_amount) as paid_amount
    from payments
    where paid_amount > 0 and method is not null
    group by order_key, method
),

main_methods as (
    select order_key, method
    from by_method
    qualify row_number() over (partition by order_key order by paid_amount desc, method asc nulls last) = 1
)

select
    orders.order_key,
    cast(coalesce(by_order.paid_amount, 0) as decimal(18, 2)) as paid_amount,
    cast(coalesce(by_order.repaid_amount, 0) as decimal(18, 2)) as repaid_amount,
    main_methods.method as payment_method,
    by_order.instalments
from orders
inner join periods on orders.system = periods.system and orders.ordered_on between periods.first_on and periods.last_on
left join by_order on orders.order_key = by_order.order_key
left join main_methods on orders.order_key = main_methods.order_key
