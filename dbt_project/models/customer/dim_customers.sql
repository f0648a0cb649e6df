-- The golden record: the current period of its history, the age of today, and what all records of the person add up to.

with person_map as (
    select * from {{ source('identity', 'person_map') }}
),

golden_records as (
    select * from {{ ref('dim_customers_history') }} where is_current
),

profile_states as (
    select customer_key, day, age_band from {{ ref('customer_profile_states') }}
),

profiles as (
    select * from {{ ref('stg_customers') }}
),

identifiers as (
    select * from {{ ref('stg_identifiers') }}
),

consents as (
    select * from {{ ref('fct_consents') }} where is_current and purpose = 'marketing'
),

referrers as (
    select * from {{ ref('customer_referrers') }}
),

-- Which band a customer record names is no part of the history: it counts where no birth date is known.
told_age_bands as (
    select customer_key, age_band
    from profile_states
    qualify row_number() over (partition by customer_key order by day desc nulls last) = 1
),

last_consents as (
    select customer_key, max(decided_on) as consent_on
    from consents
    group by customer_key
),

from_profiles as (
    select
        person_map.customer_key,
        min(profiles.created_at) as created_at,
        count(*) = count(profiles.created_at) as is_creation_known
    from profiles
    inner join person_map on profiles.record_id = person_map.record_id
    group by person_map.customer_key
),

from_identifiers as (
    select
        person_map.customer_key,
        min(identifiers.seen_at) as seen_at
    from identifiers
    inner join person_map on identifiers.record_id = person_map.record_id
    group by person_map.customer_key
),

people as (
    select
        customer_key,
        customer_id,
        count(*) as records,
        count(distinct split_part(record_id, '|', 1)) as systems
    from person_map
    group by customer_key, customer_id
)

select
    people.customer_key,
    people.customer_id,
    {%- for attribute in golden_names(['customers', 'address', 'identifiers', 'orders']) %}
    golden_records.{{ attribute }},
    {%- endfor %}
    coalesce({{ age_band('golden_records.birth_date') }}, told_age_bands.age_band) as age_band,
    referrers.referrer_customer_key,
    {%- for consent in golden_consents() %}
    coalesce(golden_records.{{ consent.name }}, false) as {{ consent.name }},
    {%- endfor %}
    last_consents.consent_on,
    {{ local_date('from_identifiers.seen_at') }} as known_since,
    case when from_profiles.is_creation_known then {{ local_date('from_profiles.created_at') }} end as profile_since,
    people.records,
    people.systems,
    from_profiles.customer_key is not null as has_profile
from people
left join golden_records on people.customer_key = golden_records.customer_key
left join told_age_bands on people.customer_key = told_age_bands.customer_key
left join from_profiles on people.customer_key = from_profiles.customer_key
left join from_identifiers on people.customer_key = from_identifiers.customer_key
left join last_consents on people.customer_key = last_consents.customer_key
left join referrers on people.customer_key = referrers.customer_key
