{{ config(meta={'dagster': {'ref': {'name': 'dim_customers'}}}) }}

-- A person may be contacted only where at least one of their records says yes and none says no.
with consents as (
    select
        person_map.customer_key,
        count(*) filter (where records.consent_email) as email_yes,
        count(*) filter (where not records.consent_email) as email_no,
        count(*) filter (where records.consent_phone) as phone_yes,
        count(*) filter (where not records.consent_phone) as phone_no
    from {{ ref('stg_customers') }} as records
    inner join {{ source('identity', 'person_map') }} as person_map on records.record_id = person_map.record_id
    group by person_map.customer_key
)

select people.customer_key
from {{ ref('dim_customers') }} as people
left join consents on people.customer_key = consents.customer_key
where
    (people.consent_email and (coalesce(consents.email_yes, 0) = 0 or consents.email_no > 0))
    or (people.consent_phone and (coalesce(consents.phone_yes, 0) = 0 or consents.phone_no > 0))
