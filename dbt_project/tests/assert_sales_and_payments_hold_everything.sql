{{ config(meta={'dagster': {'ref': {'name': 'payment_balance'}}}) }}

-- What was sold and paid is the same by state, by seller, by means of payment, and in the facts.

with compared as (
    select
        'revenue by state' as subject,
        (select sum(revenue) from {{ ref('sales_by_state') }}) as in_mart,
        (select sum(revenue) from {{ ref('fct_orders') }}) as in_facts
    union all
    select
        'shipping by state' as subject,
        (select sum(shipping_amount) from {{ ref('sales_by_state') }}) as in_mart,
        (select sum(shipping_amount) from {{ ref('fct_orders') }} where status <> 'cancelled') as in_facts
    union all
    select
        'tax by state' as subject,
        (select sum(tax_amount) from {{ ref('sales_by_state') }}) as in_mart,
        (select sum(tax_amount) from {{ ref('fct_orders') }} where status <> 'cancelled') as in_facts
    union all
    select
        'revenue by seller' as subject,
        (select sum(revenue) from {{ ref('sales_by_seller') }}) as in_mart,
        (select case when count(seller_id) > 0 then sum(revenue) end from {{ ref('fct_order_lines') }}) as in_facts
    union all
    select
        'paid by method' as subject,
        (select sum(paid_amount - repaid_amount) from {{ ref('payment_methods') }}) as in_mart,
        (select sum(net_amount) from {{ ref('fct_payments') }}) as in_facts
    union all
    select
        'paid by system' as subject,
        (select sum(paid_amount - repaid_amount) from {{ ref('payment_balance') }}) as in_mart,
        (select sum(net_amount) from {{ ref('fct_payments') }}) as in_facts
)

select * from compared where coalesce(in_mart, 0) <> coalesce(in_facts, 0)
