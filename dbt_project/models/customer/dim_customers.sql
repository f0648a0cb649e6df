-- The golden record: of each attribute the value that ranks first, and what all records of the person add up to.

{%- set attributes = ['first_name', 'last_name', 'birth_date', 'gender', 'email', 'phone', 'loyalty_id', 'country',
                      'language', 'age_band', 'income_band', 'household_size', 'acquisition_medium'] %}

with person_map as (
    select * from {{ source('identity', 'person_map') }}
),

attributes as (
    select * from {{ ref('customer_attributes') }} where rank = 1
),

profiles as (
    select * from {{ ref('stg_customers') }}
),

identifiers as (
    select * from {{ ref('stg_identifiers') }}
),

consents as (
    select * from {{ ref('customer_consents') }}
),

referrers as (
    select * from {{ ref('customer_referrers') }}
),

chosen as (
    select
        customer_key,
        {%- for attribute in attributes %}
        max(attribute_value) filter (where attribute = '{{ attribute }}') as {{ attribute }},
        {%- endfor %}
        max(record_id) filter (where attribute = 'address') as address_record_id
    from attributes
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
    chosen.first_name,
    chosen.last_name,
    chosen.email,
    chosen.phone,
    cast(chosen.birth_date as date) as birth_date,
    chosen.gender,
    addresses.street,
    addresses.postal_code,
    addresses.city,
    chosen.country,
    chosen.age_band,
    chosen.income_band,
    cast(chosen.household_size as bigint) as household_size,
    chosen.acquisition_medium,
    chosen.language,
    referrers.referrer_customer_key,
    chosen.loyalty_id,
    {%- for consent in ['email', 'phone', 'post', 'push', 'profiling'] %}
    coalesce(consents.consent_{{ consent }}, false) as consent_{{ consent }},
    {%- endfor %}
    consents.consent_on,
    {{ local_date('from_identifiers.seen_at') }} as known_since,
    case when from_profiles.is_creation_known then {{ local_date('from_profiles.created_at') }} end as profile_since,
    people.records,
    people.systems,
    from_profiles.customer_key is not null as has_profile
from people
left join chosen on people.customer_key = chosen.customer_key
left join profiles as addresses on chosen.address_record_id = addresses.record_id
left join from_profiles on people.customer_key = from_profiles.customer_key
left join from_identifiers on people.customer_key = from_identifiers.customer_key
left join consents on people.customer_key = consents.customer_key
left join referrers on people.customer_key = referrers.customer_key
