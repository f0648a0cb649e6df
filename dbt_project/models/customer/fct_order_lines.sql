-- Lines are read twice where they lie: a CTE that is used more than once is written out whole.
with orders as (
    select
        orders.order_key,
        orders.ordered_on,
        orders.status,
        orders.discount_amount,
        orders.refunded_amount,
        person_map.customer_key
    from {{ ref('stg_orders') }} as orders
    left join {{ source('identity', 'person_map') }} as person_map on orders.record_id = person_map.record_id
),

-- What a line's own source says of the cost comes before what others say of the same product.
products as (
    select
        sources.source_product_key,
        sources.product_key,
        coalesce(sources.unit_cost, products.unit_cost) as unit_cost
    from {{ ref('dim_product_sources') }} as sources
    inner join {{ ref('dim_products') }} as products on sources.product_key = products.product_key
),

returned_lines as (
    select * from {{ ref('returned_lines') }}
),

-- What the order's own discount and refund change its revenue by; few orders have one, and only their lines need a
-- window.
adjusted as (
    select
        lines.line_key,
        lines.order_key,
        case
            when orders.status = 'cancelled' then 0
            when orders.status = 'returned' then orders.discount_amount
            else -orders.discount_amount
        end as discount,
        orders.refunded_amount as refund,
        -- Shared in proportion to the lines' amounts; equally when no line has one.
        case
            when sum(abs(lines.net_amount)) over (partition by lines.order_key) = 0 then 1
            else abs(lines.net_amount)
        end as weight
    from {{ ref('stg_order_lines') }} as lines
    inner join orders on lines.order_key = orders.order_key
    where orders.discount_amount <> 0 or orders.refunded_amount <> 0
),

running as (
    select
        *,
        sum(weight) over (
            partition by order_key order by line_key nulls last rows between unbounded preceding and current row
        ) as weight_so_far,
        sum(weight) over (partition by order_key) as weight_of_order
    from adjusted
),

-- Rounding what is allocated so far, not each share, makes the shares add up to the amount to the cent.
allocated as (
    select
        {%- for amount in ['discount', 'refund'] %}
        {{ to_money(amount ~ ' * (' ~ ratio('weight_so_far', 'weight_of_order') ~ ')') }}
        - {{ to_money(amount ~ ' * (' ~ ratio('weight_so_far - weight', 'weight_of_order') ~ ')') }} as {{ amount }},
        {%- endfor %}
        line_key
    from running
),

valued as (
    select
        lines.line_key,
        lines.order_key,
        orders.customer_key,
        products.product_key,
        orders.ordered_on,
        lines.status,
        lines.net_quantity,
        lines.unit_price,
        lines.shipping_amount,
        lines.tax_amount,
        lines.seller_id,
        products.unit_cost,
        case when lines.status = 'completed' then lines.discount_amount else 0 end as discount_amount,
        lines.net_amount + coalesce(allocated.discount, 0) as revenue_before_refund,
        coalesce(allocated.refund, 0) as refund,
        returned_lines.sold_line_key,
        returned_lines.sold_order_key
    from {{ ref('stg_order_lines') }} as lines
    inner join orders on lines.order_key = orders.order_key
    left join allocated on lines.line_key = allocated.line_key
    left join products on lines.product_key = products.source_product_key
    left join returned_lines on lines.line_key = returned_lines.line_key
),

netted as (
    select
        *,
        cast(revenue_before_refund - refund as decimal(18, 2)) as revenue
    from valued
)

select
    line_key,
    order_key,
    customer_key,
    product_key,
    ordered_on,
    case when status = 'returned' or revenue_before_refund < 0 then 'return' else 'sale' end as kind,
    status,
    cast(net_quantity as decimal(18, 3)) as quantity,
    unit_price,
    cast(discount_amount as decimal(18, 2)) as discount_amount,
    cast(refund as decimal(18, 2)) as refunded_amount,
    revenue,
    {{ to_money('coalesce(revenue - net_quantity * unit_cost, revenue * ' ~ var("gross_margin") ~ ')') }} as margin,
    {{ to_money('case when unit_cost is null then refund * ' ~ var("gross_margin") ~ ' else refund end') }}
        as refunded_margin,
    cast(shipping_amount as decimal(18, 2)) as shipping_amount,
    cast(tax_amount as decimal(18, 2)) as tax_amount,
    seller_id,
    sold_line_key as returned_line_key,
    sold_order_key as original_order_key
from netted
