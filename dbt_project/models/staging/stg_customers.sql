with records as (
    select * from {{ source('raw', 'customers') }}
),

versions as (
    select
        *,
        trim(customer_id) as clean_customer_id,
        coalesce(updated_at, created_at) as version_at,
        coalesce(updated_at, created_at, timestamp '1970-01-01 00:00:00') < {{ end_of_as_of_day() }} as is_known
    from records
    where created_at is null or created_at < {{ end_of_as_of_day() }}
),

-- Sources of one system share its ids: the version changed last is the one that holds, and of those without a date the
-- one delivered last. Of a record that only later versions tell of, the earliest is the nearest to what was known.
latest as (
    select
        *,
        min(_first_delivery) over (partition by _system, clean_customer_id) as first_delivery
    from versions
    qualify row_number() over (
        partition by _system, clean_customer_id
        order by
            case when is_known then 0 else 1 end asc,
            case when is_known then version_at end desc nulls last,
            version_at asc nulls last,
            _delivery desc,
            _line desc
    ) = 1
)

select
    _system as system,
    clean_customer_id as source_customer_id,
    {{ record_id('_system', 'clean_customer_id', 'null', 'null', 'null') }} as record_id,
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
    {{ filled('referrer_id') }} as referrer_id,
    lower({{ filled('social_handle') }}) as social_handle,
    lower({{ filled('language') }}) as language,
    created_at,
    updated_at,
    first_delivery
from latest
