with lines as (
    select * from {{ source('raw', 'order_lines') }}
),

orders as (
    select * from {{ ref('stg_order_headers') }}
),

-- A header dates its lines; without one, each line is known from its own time on.
known as (
    select
        lines.*,
        orders.order_key,
        orders.ordered_on,
        orders.original_order_id as original_of_order,
        coalesce(lines.currency, orders.currency) as known_currency,
        -- The place within its order, not within its file: a row keeps its key however files are cut.
        row_number() over (
            partition by orders.order_key
            order by lines._source nulls last, lines._delivery nulls last, lines._line nulls last
        ) as place,
        case
            when 'cancelled' in (orders.status, lines.status) then 'cancelled'
            when 'returned' in (orders.status, lines.status) then 'returned'
            else 'completed'
        end as outcome
    from lines
    inner join orders on lines._system = orders.system and lines.order_id = orders.order_id
    where
        orders.has_header
        or lines.ordered_at is null
        or lines.ordered_at < {{ end_of_as_of_day() }}
),

rated as (
    select known.*, {{ exchange_rate('known.known_currency') }} as rate
    from known
    {{ join_exchange_rates('known.known_currency', 'known.ordered_on') }}
),

priced as (
    select
        *,
        {{ filled('product_id') }} as clean_product_id,
        -- A gift card that is sold is owed: it counts when it is redeemed.
        {{ to_money("case
            when is_gift_card then 0
            else coalesce(net_amount, quantity * unit_price - coalesce(discount_amount, 0), 0) * rate
        end") }} as amount,
        {{ to_money("case
            when is_gift_card then coalesce(net_amount, quantity * unit_price - coalesce(discount_amount, 0)) * rate
        end") }} as gift_card
    from rated
)

select
    -- The keys of orders are hashes, far enough apart for their lines to have the numbers after them.
    order_key + place as line_key,
    order_key,
    _system as system,
    order_id,
    line_number,
    case when clean_product_id is not null then {{ surrogate_key(['_system', 'clean_product_id']) }} end as product_key,
    clean_product_id as product_id,
    {{ filled('product_name') }} as product_name,
    {{ filled('ean') }} as ean,
    {{ filled('sku') }} as sku,
    quantity,
    case outcome when 'cancelled' then 0 when 'returned' then -abs(quantity) else quantity end as net_quantity,
    known_currency as currency,
    {{ to_price('unit_price * rate') }} as unit_price,
    {{ to_money('coalesce(discount_amount, 0) * rate') }} as discount_amount,
    outcome as status,
    case outcome when 'cancelled' then 0 when 'returned' then -abs(amount) else amount end as net_amount,
    {%- for amount in ['shipping', 'tax'] %}
    case outcome when 'cancelled' then 0 else {{ to_money(amount ~ '_amount * rate') }} end as {{ amount }}_amount,
    {%- endfor %}
    case outcome when 'cancelled' then 0 else gift_card end as gift_card_amount,
    {{ filled('seller_id') }} as seller_id,
    coalesce({{ filled('original_order_id') }}, original_of_order) as original_order_id
from priced
