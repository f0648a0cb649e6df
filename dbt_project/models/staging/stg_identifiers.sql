-- What each record gives to recognise its person by. Values are those of the source: the identity stage normalises.

with customers as (
    select record_id, system, source_customer_id, loyalty_id, email, phone, first_delivery
    from {{ ref('stg_customers') }}
),

-- The many orders of one record mostly repeat the same values: group them before they are turned into rows.
orders as (
    select record_id, system, loyalty_id, email, phone, min(first_delivery) as first_delivery
    from {{ ref('stg_orders') }}
    where record_id is not null
    group by record_id, system, loyalty_id, email, phone
),

records as (
    select record_id, system, loyalty_id, email, phone, first_delivery from customers
    union all
    select record_id, system, loyalty_id, email, phone, first_delivery from orders
),

identifiers as (
    -- The name of a customer's record is `system|customer|id`; its identifier is `system|id`.
    select
        record_id,
        system,
        'source_id' as kind,
        system || substring(record_id, length(system || '|customer') + 1) as value,
        first_delivery
    from records
    where record_id like '%|customer|%'
    {%- for kind in ['loyalty_id', 'email', 'phone'] %}
    union all
    select record_id, system, '{{ kind }}' as kind, {{ kind }} as value, first_delivery
    from records
    where {{ kind }} is not null
    {%- endfor %}
)

select
    record_id,
    system,
    kind,
    value,
    min(first_delivery) as first_delivery
from identifiers
group by record_id, system, kind, value
