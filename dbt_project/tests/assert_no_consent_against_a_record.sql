{{ config(meta={'dagster': {'ref': {'name': 'dim_customers'}}}) }}

-- A person may be contacted only where the latest decision of at least one of their records is a yes and of none a no.
{% set consents = [
    ('consent_email', 'marketing', 'email'), ('consent_phone', 'marketing', 'phone'),
    ('consent_post', 'marketing', 'post'), ('consent_push', 'marketing', 'push'),
    ('consent_profiling', 'profiling', 'all'),
] %}

with latest as (
    select
        record_id,
        purpose,
        contact_channel,
        max_by(is_granted, decided_at) as is_granted
    from {{ ref('stg_consents') }}
    group by record_id, purpose, contact_channel
),

allowed as (
    select person_map.customer_key, latest.purpose, latest.contact_channel
    from latest
    inner join {{ source('identity', 'person_map') }} as person_map on latest.record_id = person_map.record_id
    group by person_map.customer_key, latest.purpose, latest.contact_channel
    having count(*) = count(*) filter (where latest.is_granted)
),

claimed as (
    {%- for column, purpose, contact_channel in consents %}
    select customer_key, '{{ purpose }}' as purpose, '{{ contact_channel }}' as contact_channel
    from {{ ref('dim_customers') }}
    where {{ column }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select claimed.customer_key, claimed.purpose, claimed.contact_channel
from claimed
left join allowed
    on
        claimed.customer_key = allowed.customer_key
        and claimed.purpose = allowed.purpose
        and claimed.contact_channel = allowed.contact_channel
where allowed.customer_key is null
