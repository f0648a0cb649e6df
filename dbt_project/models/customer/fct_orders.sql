with orders as (
    select * from {{ ref('stg_orders') }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

-- Only returns name the order that they take back.
originals as (
    select returns.order_key, sales.order_key as original_order_key
    from orders as sales
    inner join orders as returns on sales.system = returns.system and sales.order_id = returns.original_order_id
),

lines_by_order as (
    select
        order_key,
        count(*) as lines,
        sum(quantity) as units,
        sum(discount_amount) as discount_amount,
        sum(margin) as margin,
        sum(refunded_margin) as refunded_margin,
        -sum(revenue + refunded_amount) filter (where revenue + refunded_amount < 0) as returned_amount,
        case when min(original_order_key) = max(original_order_key) then min(original_order_key) end
            as original_order_key
    from lines
    group by order_key
),

payments as (
    select * from {{ ref('order_payments') }}
),

valued as (
    select
        orders.*,
        payments.paid_amount,
        payments.repaid_amount,
        payments.payment_method,
        payments.instalments,
        person_map.customer_key,
        coalesce(lines_by_order.lines, 0) as lines,
        lines_by_order.units,
        orders.discount_amount + coalesce(lines_by_order.discount_amount, 0) as all_discounts,
        case
            when orders.has_lines then lines_by_order.margin
            else orders.revenue * {{ var('gross_margin') }}
        end as margin,
        case
            when orders.has_lines then lines_by_order.refunded_margin
            else orders.refunded_amount * {{ var('gross_margin') }}
        end as refunded_margin,
        orders.refunded_amount + case
            when orders.has_lines then coalesce(lines_by_order.returned_amount, 0)
            else greatest(-(orders.revenue + orders.refunded_amount), 0)
        end as returned_amount,
        -- What a return says of itself comes first; else its lines tell, where they are all of one order.
        case
            when orders.original_order_id is not null then originals.original_order_key
            when orders.kind = 'return' then lines_by_order.original_order_key
        end as original_order_key
    from orders
    left join lines_by_order on orders.order_key = lines_by_order.order_key
    left join originals on orders.order_key = originals.order_key
    left join payments on orders.order_key = payments.order_key
    left join person_map on orders.record_id = person_map.record_id
)

select
    order_key,
    system,
    order_id,
    customer_key,
    ordered_at,
    ordered_on,
    sales_channel,
    store_id,
    country,
    state,
    kind,
    status,
    kind = 'sale' and status = 'completed' as is_counted,
    lines,
    cast(units as decimal(18, 3)) as units,
    cast(all_discounts as decimal(18, 2)) as discount_amount,
    tax_amount,
    shipping_amount,
    revenue,
    cast(returned_amount as decimal(18, 2)) as returned_amount,
    cast(refunded_amount as decimal(18, 2)) as refunded_amount,
    {{ local_date('refunded_at') }} as refunded_on,
    {{ to_money('refunded_margin') }} as refunded_margin,
    original_order_key,
    currency,
    exchange_rate,
    original_total_amount,
    {{ to_money('margin') }} as margin,
    coupon_code,
    due_amount,
    paid_amount,
    repaid_amount,
    payment_method,
    instalments
from valued
