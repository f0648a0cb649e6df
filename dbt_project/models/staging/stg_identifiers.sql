-- What each record gives to recognise its person by. Values are those of the source: the identity stage normalises.

{%- set channels = [
    ('stg_orders', 'record_id', 'loyalty_id', 'email', 'phone', 'ordered_at'),
    ('stg_web_events', 'record_id', 'null', 'null', 'null', 'occurred_at'),
    ('stg_campaign_contacts', 'record_id', 'null', 'email', 'phone', 'assigned_at'),
    ('stg_support_tickets', 'record_id', 'null', 'email', 'phone', 'opened_at'),
    ('stg_survey_responses', 'record_id', 'null', 'email', 'phone', 'answered_at'),
    ('stg_social_mentions', 'record_id', 'null', 'null', 'null', 'posted_at'),
    ('stg_loyalty_events', 'record_id', 'loyalty_id', 'null', 'null', 'occurred_at'),
    ('stg_referrals', 'referrer_record_id', 'null', 'referrer_email', 'null', 'invited_at'),
    ('stg_referrals', 'referred_record_id', 'null', 'referred_email', 'null', 'coalesce(accepted_at, invited_at)'),
    ('consents', 'record_id', 'null', 'email', 'phone', 'decided_at'),
] %}

with customers as (
    select record_id, system, loyalty_id, email, phone, country, first_delivery, created_at
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
    {%- for model, record_id, loyalty_id, email, phone, moment in channels %}
    union all
    select
        {{ record_id }} as record_id,
        system,
        cast({{ loyalty_id }} as string) as loyalty_id,
        cast({{ email }} as string) as email,
        cast({{ phone }} as string) as phone,
        min(first_delivery) as first_delivery,
        min({{ moment }}) as known_at,
        min({{ moment }}) as given_at
    from {{ model if model == 'consents' else ref(model) }}
    where {{ record_id }} is not null
    group by all
    {%- endfor %}
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
        known_at,
        given_at
    from dated
    where record_id like '%|customer|%'
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
