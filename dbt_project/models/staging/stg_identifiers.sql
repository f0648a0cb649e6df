-- What each record gives to recognise its person by. Values are those of the source: the identity stage normalises.

with customers as (
    select record_id, system, loyalty_id, email, phone, first_delivery, created_at
    from {{ ref('stg_customers') }}
),

-- The many orders of one record mostly repeat the same values: group them before they are turned into rows.
orders as (
    select
        record_id,
        system,
        loyalty_id,
        email,
        phone,
        min(first_delivery) as first_delivery,
        min(ordered_at) as known_at
    from {{ ref('stg_orders') }}
    where record_id is not null
    group by record_id, system, loyalty_id, email, phone
),

loads as (
    select delivery, load from {{ source('raw', 'ledger') }}
),

records as (
    -- A record without a date is known at any as-of date: it counts as older than all others of its load.
    select
        record_id,
        system,
        loyalty_id,
        email,
        phone,
        first_delivery,
        coalesce(created_at, timestamp '1900-01-01 00:00:00') as known_at
    from customers
    union all
    select record_id, system, loyalty_id, email, phone, first_delivery, known_at from orders
),

dated as (
    select records.*, loads.load as first_load
    from records
    left join loads on records.first_delivery = loads.delivery
),

identifiers as (
    -- The name of a customer's record is `system|customer|id`; its identifier is `system|id`.
    select
        record_id,
        system,
        'source_id' as kind,
        system || substring(record_id, length(system || '|customer') + 1) as value,
        first_load,
        known_at
    from dated
    where record_id like '%|customer|%'
    {%- for kind in ['loyalty_id', 'email', 'phone'] %}
    union all
    select record_id, system, '{{ kind }}' as kind, {{ kind }} as value, first_load, known_at
    from dated
    where {{ kind }} is not null
    {%- endfor %}
)

select
    record_id,
    system,
    kind,
    value,
    min(first_load) as first_load,
    min(known_at) as known_at
from identifiers
group by record_id, system, kind, value
