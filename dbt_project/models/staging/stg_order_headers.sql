-- Orders as known on the as-of date, before their lines are added up. A source with lines and no header gives the
-- header's columns on its lines.

with headers as (
    {{ latest_rows(source('raw', 'orders'), 'order_id') }}
),

-- A line without a time of its own shares that of its order's other lines.
lines as (
    select * from {{ source('raw', 'order_lines') }}
    where ordered_at is null or ordered_at < {{ end_of_as_of_day() }}
),

from_lines as (
    select
        _system,
        order_id,
        min(ordered_at) as ordered_at,
        max({{ filled('customer_id') }}) as customer_id,
        max({{ filled('loyalty_id') }}) as loyalty_id,
        max({{ filled('email') }}) as email,
        max({{ filled('phone') }}) as phone,
        max(sales_channel) as sales_channel,
        max(store_id) as store_id,
        max(country) as country,
        max({{ filled('state') }}) as state,
        max(currency) as currency,
        max(coupon_code) as coupon_code,
        max({{ filled('original_order_id') }}) as original_order_id,
        case
            when count(*) = count(*) filter (where status = 'cancelled') then 'cancelled'
            when count(*) = count(*) filter (where status in ('cancelled', 'returned')) then 'returned'
            else 'completed'
        end as status,
        min(_first_delivery) as first_delivery,
        max(_delivery) as delivery
    from lines
    group by _system, order_id
),

-- Where there is a header, it alone says when, by whom and where: its lines only fill what every header leaves empty.
orders as (
    select
        coalesce(headers._system, from_lines._system) as system,
        coalesce(headers.order_id, from_lines.order_id) as order_id,
        coalesce(headers.ordered_at, from_lines.ordered_at) as ordered_at,
        headers.order_id is not null as has_header,
        {%- for identifier in ['customer_id', 'loyalty_id', 'email', 'phone'] %}
        case
            when headers.order_id is null then from_lines.{{ identifier }}
            else {{ filled('headers.' ~ identifier) }}
        end as {{ identifier }},
        {%- endfor %}
        coalesce(headers.sales_channel, from_lines.sales_channel) as sales_channel,
        coalesce(headers.store_id, from_lines.store_id) as store_id,
        coalesce(headers.country, from_lines.country) as country,
        coalesce({{ filled('headers.state') }}, from_lines.state) as state,
        coalesce(headers.currency, from_lines.currency, '{{ var("currency") }}') as currency,
        coalesce(headers.coupon_code, from_lines.coupon_code) as coupon_code,
        coalesce({{ filled('headers.original_order_id') }}, from_lines.original_order_id) as original_order_id,
        case
            when headers.order_id is null then from_lines.status
            else coalesce(headers.status, 'completed')
        end as status,
        coalesce(headers.discount_amount, 0) as discount,
        headers.tax_amount as tax,
        headers.shipping_amount as shipping,
        headers.duties_amount as duties,
        headers.gift_card_amount as gift_card,
        headers.total_amount as total,
        -- A refund of tomorrow is not known today; one without a date is known with its order.
        case
            when headers.refunded_at >= {{ end_of_as_of_day() }} then 0
            else coalesce(headers.refunded_amount, 0)
        end as refund,
        {{ known_time('headers.refunded_at') }} as refunded_at,
        coalesce(headers._first_delivery, from_lines.first_delivery) as first_delivery,
        greatest(headers._delivery, from_lines.delivery) as delivery
    from headers
    full outer join from_lines
        on headers._system = from_lines._system and headers.order_id = from_lines.order_id
),

-- An id on many orders that mostly come from different people is nobody's, such as that of all guests.
nobodys as (
    select system, customer_id
    from orders
    where ordered_at < {{ end_of_as_of_day() }} and customer_id is not null and email is not null
    group by system, customer_id
    having
        count(distinct email) >= {{ var('emails_per_customer_id') }}
        and count(distinct email) * 2 > count(*)
),

known as (
    select
        {{ surrogate_key(['orders.system', 'orders.order_id']) }} as order_key,
        {{ record_id(
            'orders.system', 'case when nobodys.customer_id is null then orders.customer_id end',
            'loyalty_id', 'email', 'phone'
        ) }} as record_id,
        {{ local_date('ordered_at') }} as ordered_on,
        orders.*
    from orders
    left join nobodys on orders.system = nobodys.system and orders.customer_id = nobodys.customer_id
    where ordered_at < {{ end_of_as_of_day() }}
),

rated as (
    select known.*, {{ exchange_rate('known.currency') }} as exchange_rate
    from known
    {{ join_exchange_rates('known.currency', 'known.ordered_on') }}
)

select
    order_key,
    record_id,
    ordered_on,
    system,
    order_id,
    ordered_at,
    has_header,
    customer_id,
    loyalty_id,
    email,
    phone,
    sales_channel,
    store_id,
    country,
    state,
    currency,
    coupon_code,
    original_order_id,
    status,
    refunded_at,
    first_delivery,
    delivery,
    exchange_rate,
    total as original_total_amount,
    {%- for amount in ['discount', 'tax', 'shipping', 'duties', 'gift_card', 'total'] %}
    {{ to_money(amount ~ ' * exchange_rate') }} as {{ amount }}_amount,
    {%- endfor %}
    -- At the rate of the order's day, so that an order refunded in full brings nothing.
    {{ to_money('refund * exchange_rate') }} as refunded_amount
from rated
