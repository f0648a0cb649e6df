-- What each record gives to recognise its person by. Values are those of the source: the identity stage normalises.

with customers as (
    select record_id, system, loyalty_id, email, phone, country, merged_into, merged_ids, first_delivery, created_at
    from {{ ref('stg_customers') }}
),

countries_given as (
    select record_id, country, max(ordered_at) as given_at
    from {{ ref('stg_orders') }}
    where country is not null and record_id is not null
    group by record_id, country
),

last_countries as (
    select record_id, country
    from countries_given
    qualify row_number() over (partition by record_id order by given_at desc, country asc nulls last) = 1
),

-- The country of a customer's record; where it names none, that of the last order which does.
countries as (
    select
        coalesce(customers.record_id, last_countries.record_id) as record_id,
        coalesce(customers.country, last_countries.country) as country
    from customers
    full outer join last_countries on customers.record_id = last_countries.record_id
),

-- Consents out of customer records tell nothing new about who they are.
consents as (
    select * from {{ ref('stg_consents') }} where not is_from_profile
),

loads as (
    select delivery, load from {{ source('raw', 'ledger') }}
),

-- The many rows of one record mostly repeat the same values: group them before they are turned into rows.
records as (
    -- A record without a date is known at any as-of date: it counts as older than all others of its system.
    select
        record_id,
        system,
        loyalty_id,
        email,
        phone,
        first_delivery,
        coalesce(created_at, timestamp '1900-01-01 00:00:00') as known_at,
        cast(null as timestamp) as given_at
    from customers
    {%- for channel in channels() if channel.name != 'customers' %}
    {%- for person in channel.people %}
    {%- set moments = [person.known_at, channel.moment] | select | join(', ') %}
    {%- set moment = 'coalesce(' ~ moments ~ ')' if person.known_at else moments %}
    union all
    select
        {{ person.prefix ~ 'record_id as record_id' if person.prefix else 'record_id' }},
        system,
        {%- for kind in ['loyalty_id', 'email', 'phone'] %}
        {%- set column = person.prefix ~ kind if kind in person.identifiers else 'cast(null as string)' %}
        {{ column ~ (' as ' ~ kind if column != kind else '') }},
        {%- endfor %}
        min(first_delivery) as first_delivery,
        min({{ moment }}) as known_at,
        min({{ moment }}) as given_at
    from {{ 'consents' if channel.name == 'consents' else ref('stg_' ~ channel.name) }}
    where {{ person.prefix }}record_id is not null
    group by all
    {%- endfor %}
    {%- endfor %}
),

dated as (
    select records.*, loads.load as first_load
    from records
    left join loads on records.first_delivery = loads.delivery
),

-- Who was merged into whom by the source itself: the record holds the ids of the others as its own.
merged as (
    select record_id, system, first_delivery, created_at, merged_into as id
    from customers
    where merged_into is not null
    union all
    select record_id, system, first_delivery, created_at, {{ each_id('merged_ids') }} as id
    from customers
    where merged_ids is not null
),

identifiers as (
    -- The name of a customer's record is `system|customer|id`; its identifier is `system|id`.
    select
        record_id,
        system,
        'source_id' as kind,
        system || substring(record_id, length(system || '|customer') + 1) as value,
        first_load,
        known_at,
        given_at
    from dated
    where record_id like '%|customer|%'
    union all
    select
        merged.record_id,
        merged.system,
        'source_id' as kind,
        merged.system || '|' || merged.id as value,
        loads.load as first_load,
        coalesce(merged.created_at, timestamp '1900-01-01 00:00:00') as known_at,
        cast(null as timestamp) as given_at
    from merged
    left join loads on merged.first_delivery = loads.delivery
    where not {{ is_stand_in('merged.id') }}
    {%- for kind in ['loyalty_id', 'email', 'phone'] %}
    union all
    select record_id, system, '{{ kind }}' as kind, {{ kind }} as value, first_load, known_at, given_at
    from dated
    where {{ kind }} is not null
    {%- endfor %}
)

select
    identifiers.record_id,
    identifiers.system,
    identifiers.kind,
    identifiers.value,
    countries.country,
    min(identifiers.first_load) as first_load,
    min(identifiers.known_at) as known_at,
    min(identifiers.known_at) filter (where identifiers.known_at >= timestamp '1970-01-01 00:00:00') as seen_at,
    min(identifiers.given_at) as given_at
from identifiers
left join countries on identifiers.record_id = countries.record_id
group by identifiers.record_id, identifiers.system, identifiers.kind, identifiers.value, countries.country
