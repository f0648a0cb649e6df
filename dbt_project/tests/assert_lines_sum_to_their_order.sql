{{ config(meta={'dagster': {'ref': {'name': 'fct_order_lines'}}}) }}

with lines as (
    select order_key, count(*) as lines, sum(revenue) as revenue
    from {{ ref('fct_order_lines') }}
    group by order_key
)

select orders.order_key, orders.lines, lines.lines as lines_found, orders.revenue, lines.revenue as revenue_of_lines
from {{ ref('fct_orders') }} as orders
full outer join lines on orders.order_key = lines.order_key
where
    orders.order_key is null
    or orders.lines <> coalesce(lines.lines, 0)
    or (orders.lines > 0 and orders.revenue <> lines.revenue)
