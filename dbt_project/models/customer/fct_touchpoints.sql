with orders as (
    select * from {{ ref('fct_orders') }}
),

customers as (
    select * from {{ ref('stg_customers') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

order_touchpoints as (
    select
        customer_key,
        ordered_at as occurred_at,
        sales_channel as channel,
        case
            when status = 'cancelled' then 'cancellation'
            when kind = 'return' then 'return'
            else 'order'
        end as kind,
        system || '|' || order_id as reference
    from orders
    where customer_key is not null
),

registrations as (
    select
        person_map.customer_key,
        customers.created_at as occurred_at,
        customers.acquisition_channel as channel,
        'registration' as kind,
        customers.record_id as reference
    from customers
    inner join person_map on customers.record_id = person_map.record_id
    where customers.created_at is not null
),

touchpoints as (
    select customer_key, occurred_at, channel, kind, reference from order_touchpoints
    union all
    select customer_key, occurred_at, channel, kind, reference from registrations
)

select
    {{ surrogate_key(['kind', 'reference']) }} as touchpoint_key,
    customer_key,
    occurred_at,
    coalesce(channel, 'unknown') as channel,
    kind,
    'inbound' as direction,
    reference
from touchpoints
