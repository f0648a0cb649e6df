-- The golden record. What a person's records say about an attribute is ranked by the trust in their system, then by
-- how recent they are; the best value that is not empty is taken.

with person_map as (
    select * from {{ source('identity', 'person_map') }}
),

profiles as (
    select * from {{ ref('stg_customers') }}
),

orders as (
    select * from {{ ref('stg_orders') }}
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

ranked_profiles as (
    select
        person_map.customer_key,
        profiles.*,
        coalesce(profiles.street, profiles.postal_code, profiles.city) is not null as has_address,
        row_number() over (
            partition by person_map.customer_key
            order by
                {{ trust_rank('profiles.system') }},
                coalesce(profiles.updated_at, profiles.created_at) desc nulls last,
                profiles.record_id
        ) as priority
    from profiles
    inner join person_map on profiles.record_id = person_map.record_id
),

from_profiles as (
    select
        customer_key,
        {%- for attribute in ['first_name', 'last_name', 'birth_date', 'gender', 'country', 'age_band', 'income_band',
                              'household_size', 'acquisition_channel', 'language'] %}
        min_by({{ attribute }}, priority) filter (where {{ attribute }} is not null) as {{ attribute }},
        {%- endfor %}
        -- The lines of an address belong together: mixing two of them makes one where nobody lives.
        {%- for attribute in ['street', 'postal_code', 'city'] %}
        min_by(coalesce({{ attribute }}, ''), priority) filter (where has_address) as {{ attribute }},
        {%- endfor %}
        {%- for attribute in ['email', 'phone', 'loyalty_id'] %}
        {%- set is_given = without_stand_in(attribute) ~ ' is not null' %}
        min_by({{ attribute }}, priority) filter (where {{ is_given }}) as {{ attribute }},
        {%- endfor %}
        min(created_at) as created_at,
        count(*) = count(created_at) as is_creation_known
    from ranked_profiles
    group by customer_key
),

from_orders as (
    select
        person_map.customer_key,
        max_by(country, cast(ordered_at as varchar) || country) as country
    from orders
    inner join person_map on orders.record_id = person_map.record_id
    group by person_map.customer_key
),

-- A guest has no profile: what they gave last, in whatever channel, is all there is. The value itself breaks ties, and
-- a stand-in does not take part.
from_identifiers as (
    select
        person_map.customer_key,
        {%- for kind in ['email', 'phone', 'loyalty_id'] %}
        max_by(value, cast(known_at as varchar) || {{ without_stand_in('value') }}) filter (where kind = '{{ kind }}')
            as {{ kind }},
        {%- endfor %}
        min(seen_at) as seen_at
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
    from_profiles.first_name,
    from_profiles.last_name,
    coalesce(from_profiles.email, from_identifiers.email) as email,
    coalesce(from_profiles.phone, from_identifiers.phone) as phone,
    from_profiles.birth_date,
    from_profiles.gender,
    {{ filled('from_profiles.street') }} as street,
    {{ filled('from_profiles.postal_code') }} as postal_code,
    {{ filled('from_profiles.city') }} as city,
    coalesce(from_profiles.country, from_orders.country) as country,
    coalesce({{ age_band('from_profiles.birth_date') }}, from_profiles.age_band) as age_band,
    from_profiles.income_band,
    from_profiles.household_size,
    from_profiles.acquisition_channel,
    from_profiles.language,
    referrers.referrer_customer_key,
    coalesce(from_profiles.loyalty_id, from_identifiers.loyalty_id) as loyalty_id,
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
left join from_profiles on people.customer_key = from_profiles.customer_key
left join from_orders on people.customer_key = from_orders.customer_key
left join from_identifiers on people.customer_key = from_identifiers.customer_key
left join consents on people.customer_key = consents.customer_key
left join referrers on people.customer_key = referrers.customer_key
