with headers as (
    select * from {{ ref('stg_order_headers') }}
),

lines as (
    select * from {{ ref('stg_order_lines') }}
),

lines_by_order as (
    select
        order_key,
        sum(net_amount) as net_amount,
        max(net_amount) > 0 as has_positive_line
    from lines
    group by order_key
),

joined as (
    select
        headers.*,
        lines_by_order.order_key is not null as has_lines,
        coalesce(lines_by_order.has_positive_line, false) as has_positive_line,
        lines_by_order.net_amount as lines_amount,
        coalesce(headers.total_amount, 0)
        - coalesce(headers.tax_amount, 0)
        - coalesce(headers.shipping_amount, 0)
        - coalesce(headers.duties_amount, 0)
        - coalesce(headers.gift_card_amount, 0) as header_amount
    from headers
    left join lines_by_order on headers.order_key = lines_by_order.order_key
),

-- A discount on a returned order was given when it was bought: it makes what is given back smaller.
valued as (
    select
        *,
        {{ to_money("case
            when status = 'cancelled' then 0
            when has_lines and status = 'returned' then lines_amount + discount_amount
            when has_lines then lines_amount - discount_amount
            when status = 'returned' then -abs(header_amount)
            else header_amount
        end") }} as revenue_before_refund
    from joined
),

netted as (
    select
        *,
        case when status = 'cancelled' then 0 else refunded_amount end as revenue_refunded
    from valued
)

select
    order_key,
    system,
    order_id,
    record_id,
    sales_channel,
    store_id,
    country,
    ordered_at,
    ordered_on,
    case
        when status = 'returned' or (revenue_before_refund < 0 and not has_positive_line) then 'return'
        else 'sale'
    end as kind,
    status,
    currency,
    exchange_rate,
    original_total_amount,
    discount_amount,
    tax_amount,
    shipping_amount,
    total_amount,
    cast(revenue_refunded as decimal(18, 2)) as refunded_amount,
    refunded_at,
    cast(revenue_before_refund - revenue_refunded as decimal(18, 2)) as revenue,
    coupon_code,
    original_order_id,
    has_header,
    has_lines,
    email,
    phone,
    loyalty_id,
    first_delivery,
    delivery
from netted
