-- What each returned line gives back: the sale in the order that it names, else the person's latest earlier sale of the
-- same product. A return whose sale is not known has no row.

with lines as (
    select
        lines.line_key,
        lines.order_key,
        lines.system,
        lines.original_order_id,
        lines.net_quantity,
        product_map.product_key
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ source('identity', 'product_map') }} as product_map
        on lines.product_key = product_map.source_product_key
),

-- Whose an order is, is looked up once, not for each of its lines.
orders as (
    select orders.order_key, orders.ordered_at, person_map.customer_key
    from {{ ref('stg_orders') }} as orders
    left join {{ source('identity', 'person_map') }} as person_map on orders.record_id = person_map.record_id
),

placed as (
    select
        lines.line_key,
        lines.order_key,
        lines.product_key,
        lines.net_quantity,
        orders.ordered_at,
        orders.customer_key,
        lines.original_order_id is not null as names_its_order,
        case
            when lines.original_order_id is not null
                then {{ surrogate_key(['lines.system', 'lines.original_order_id']) }}
        end as named_order_key
    from lines
    inner join orders on lines.order_key = orders.order_key
),

returned as (
    select * from placed where net_quantity < 0
),

sold as (
    select * from placed where net_quantity > 0
),

candidates as (
    select returned.line_key, sold.line_key as sold_line_key, sold.order_key as sold_order_key, sold.ordered_at
    from returned
    inner join sold on returned.named_order_key = sold.order_key and returned.product_key = sold.product_key
    where returned.names_its_order
    union all
    select returned.line_key, sold.line_key as sold_line_key, sold.order_key as sold_order_key, sold.ordered_at
    from returned
    inner join sold
        on
            returned.customer_key = sold.customer_key
            and returned.product_key = sold.product_key
            and returned.ordered_at >= sold.ordered_at
            and returned.order_key <> sold.order_key
    where not returned.names_its_order
)

select
    line_key,
    sold_line_key,
    sold_order_key
from candidates
qualify row_number() over (
    partition by line_key order by ordered_at desc, sold_order_key asc nulls last, sold_line_key asc nulls last
) = 1
