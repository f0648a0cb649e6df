-- What buyers had to pay beside what they paid. Orders count in the month in which they were placed, payments of orders
-- that nobody knows in their own.

{%- set differs = 'abs(due_amount - paid_amount) > ' ~ rounding_of_cash() %}

with orders as (
    select * from {{ ref('fct_orders') }} where paid_amount is not null
),

of_orders as (
    select
        {{ month_of('ordered_on') }} as month,
        system,
        count(*) filter (where is_counted) as orders,
        sum(due_amount) filter (where is_counted) as due_amount,
        sum(paid_amount) as paid_amount,
        sum(repaid_amount) as repaid_amount,
        count(*) filter (where is_counted and paid_amount = 0 and {{ differs }}) as unpaid_orders,
        count(*) filter (where is_counted and paid_amount > 0 and due_amount > paid_amount and {{ differs }})
            as underpaid_orders,
        sum({{ unpaid('due_amount', 'paid_amount') }}) filter (where is_counted) as unpaid_amount,
        count(*) filter (where is_counted and due_amount < paid_amount and {{ differs }}) as overpaid_orders,
        sum({{ unpaid('paid_amount', 'due_amount') }}) filter (where is_counted) as overpaid_amount,
        sum(paid_amount - repaid_amount) filter (where status = 'cancelled') as kept_amount,
        0 as payments_without_order
    from orders
    group by {{ month_of('ordered_on') }}, system
),

of_no_order as (
    select
        {{ month_of('paid_on') }} as month,
        system,
        0 as orders,
        0 as due_amount,
        sum(paid_amount) as paid_amount,
        sum(repaid_amount) as repaid_amount,
        0 as unpaid_orders,
        0 as underpaid_orders,
        0 as unpaid_amount,
        0 as overpaid_orders,
        0 as overpaid_amount,
        0 as kept_amount,
        count(*) as payments_without_order
    from {{ ref('fct_payments') }}
    where order_key is null
    group by {{ month_of('paid_on') }}, system
),

both_kinds as (
    select * from of_orders
    union all
    select * from of_no_order
)

select
    month,
    system,
    cast(coalesce(sum(orders), 0) as bigint) as orders,
    cast(coalesce(sum(unpaid_orders), 0) as bigint) as unpaid_orders,
    cast(coalesce(sum(underpaid_orders), 0) as bigint) as underpaid_orders,
    cast(coalesce(sum(overpaid_orders), 0) as bigint) as overpaid_orders,
    cast(coalesce(sum(payments_without_order), 0) as bigint) as payments_without_order,
    cast(coalesce(sum(due_amount), 0) as decimal(18, 2)) as due_amount,
    cast(coalesce(sum(paid_amount), 0) as decimal(18, 2)) as paid_amount,
    cast(coalesce(sum(repaid_amount), 0) as decimal(18, 2)) as repaid_amount,
    cast(coalesce(sum(unpaid_amount), 0) as decimal(18, 2)) as unpaid_amount,
    cast(coalesce(sum(overpaid_amount), 0) as decimal(18, 2)) as overpaid_amount,
    cast(coalesce(sum(kept_amount), 0) as decimal(18, 2)) as kept_amount
from both_kinds
group by month, system
