{{ config(meta={'dagster': {'ref': {'name': 'fct_orders'}}}) }}

with staged as (
    select count(*) as orders, coalesce(sum(revenue), 0) as revenue from {{ ref('stg_orders') }}
),

facts as (
    select count(*) as orders, coalesce(sum(revenue), 0) as revenue from {{ ref('fct_orders') }}
)

select staged.orders, facts.orders as orders_in_facts, staged.revenue, facts.revenue as revenue_in_facts
from staged
cross join facts
where staged.orders <> facts.orders or staged.revenue <> facts.revenue
