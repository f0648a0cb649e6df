{{ config(meta={'dagster': {'ref': {'name': 'market_trends'}}}) }}

with trends as (
    select month, sum(revenue) as revenue, sum(units) as units
    from {{ ref('market_trends') }}
    group by month
),

lines as (
    select {{ month_of('ordered_on') }} as month, sum(revenue) as revenue, sum(quantity) as units
    from {{ ref('fct_order_lines') }}
    group by {{ month_of('ordered_on') }}
)

select trends.month, trends.revenue, lines.revenue as revenue_of_lines, trends.units, lines.units as units_of_lines
from trends
full outer join lines on trends.month = lines.month
where coalesce(trends.revenue, 0) <> coalesce(lines.revenue, 0) or coalesce(trends.units, 0) <> coalesce(lines.units, 0)
