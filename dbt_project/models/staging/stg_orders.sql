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
        sum(tax_amount) as tax_amount,
        sum(shipping_amount) as shipping_amount,
        sum(gift_card_amount) as gift_card_amount,
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
        coalesce(headers.tax_amount, lines_by_order.tax_amount) as all_tax,
        coalesce(headers.shipping_amount, lines_by_order.shipping_amount) as all_shipping,
        coalesce(headers.gift_card_amount, lines_by_order.gift_card_amount) as all_gift_cards,
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
        case when status = 'cancelled' then 0 else refunded_amount end as revenue_refunded,
        -- A source without totals charges what its lines say, and what stands beside their amounts.
        case
            when status = 'cancelled' then 0
            when total_amount is not null then case status when 'returned' then -abs(total_amount) else total_amount end
            when status = 'returned' then revenue_before_refund
            else
                revenue_before_refund
                + coalesce(all_tax, 0)
                + coalesce(all_shipping, 0)
                + coalesce(duties_amount, 0)
                + coalesce(all_gift_cards, 0)
        end as due
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
    state,
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
    cast(all_tax as decimal(18, 2)) as tax_amount,
    cast(all_shipping as decimal(18, 2)) as shipping_amount,
    total_amount,
    cast(due as decimal(18, 2)) as due_amount,
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
