with records as (
    select * from {{ source('raw', 'customers') }}
),

-- Sources of one system share its ids: the record delivered last is the one that holds.
latest as (
    select *
    from records
    where created_at is null or created_at < {{ end_of_as_of_day() }}
    qualify row_number() over (partition by _system, trim(customer_id) order by _delivery desc, _line desc) = 1
),

-- A consent given or withdrawn after the as-of date is not known yet, and missing means no.
with_consent_known as (
    select
        *,
        consent_at is null or consent_at < {{ end_of_as_of_day() }} as is_consent_known
    from latest
)

select
    _system as system,
    trim(customer_id) as source_customer_id,
    {{ record_id('_system', 'trim(customer_id)', 'null', 'null', 'null') }} as record_id,
    {{ filled('loyalty_id') }} as loyalty_id,
    {{ filled('email') }} as email,
    {{ filled('phone') }} as phone,
    {{ filled('first_name') }} as first_name,
    {{ filled('last_name') }} as last_name,
    birth_date,
    gender,
    {{ filled('street') }} as street,
    {{ filled('postal_code') }} as postal_code,
    {{ filled('city') }} as city,
    {{ filled('country') }} as country,
    {{ filled('age_band') }} as age_band,
    {{ filled('income_band') }} as income_band,
    household_size,
    {{ filled('acquisition_channel') }} as acquisition_channel,
    created_at,
    updated_at,
    case when is_consent_known then consent_email end as consent_email,
    case when is_consent_known then consent_phone end as consent_phone,
    case when is_consent_known then consent_at end as consent_at,
    _first_delivery as first_delivery
from with_consent_known
