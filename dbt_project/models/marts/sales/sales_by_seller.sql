-- What the sellers of a marketplace sold. Where no line names one there is no marketplace, and nothing to tell.

with lines as (
    select *, {{ month_of('ordered_on') }} as month, coalesce(seller_id, 'unknown') as known_seller
    from {{ ref('fct_order_lines') }}
    where exists (select 1 from {{ ref('fct_order_lines') }} as named where named.seller_id is not null)
),

orders as (
    select order_key, system from {{ ref('fct_orders') }}
)

select
    lines.month,
    orders.system,
    lines.known_seller as seller_id,
    count(distinct case when lines.kind = 'sale' and lines.status = 'completed' then lines.order_key end) as orders,
    cast(sum(lines.quantity) as decimal(18, 3)) as units,
    cast(sum(lines.revenue) as decimal(18, 2)) as revenue,
    {{ ratio('sum(lines.revenue)', 'sum(sum(lines.revenue)) over (partition by lines.month)') }} as revenue_share,
    cast(sum(lines.margin) as decimal(18, 2)) as margin,
    cast(coalesce(sum(lines.shipping_amount), 0) as decimal(18, 2)) as shipping_amount,
    cast(coalesce(sum(lines.tax_amount), 0) as decimal(18, 2)) as tax_amount
from lines
inner join orders on lines.order_key = orders.order_key
group by lines.month, orders.system, lines.known_seller
