{{ config(meta={'dagster': {'ref': {'name': 'kpi_scorecard'}}}) }}

with scorecard as (
    select
        coalesce(sum(value) filter (where kpi = 'revenue'), 0) as revenue,
        coalesce(sum(value) filter (where kpi = 'orders'), 0) as orders
    from {{ ref('kpi_scorecard') }}
    where dimension = 'all'
),

facts as (
    select coalesce(sum(revenue), 0) as revenue, count(*) filter (where is_counted) as orders
    from {{ ref('fct_orders') }}
)

select scorecard.revenue, facts.revenue as revenue_of_orders, scorecard.orders, facts.orders as counted_orders
from scorecard
cross join facts
where {{ to_money('scorecard.revenue') }} <> facts.revenue or scorecard.orders <> facts.orders
