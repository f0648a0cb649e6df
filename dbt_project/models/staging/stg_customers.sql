with versions as (
    select * from {{ ref('stg_customer_versions') }} where valid_to is null
)

select
    system,
    source_customer_id,
    record_id,
    loyalty_id,
    email,
    phone,
    first_name,
    last_name,
    birth_date,
    gender,
    street,
    postal_code,
    city,
    country,
    age_band,
    income_band,
    household_size,
    acquisition_medium,
    referrer_id,
    social_handle,
    language,
    created_at,
    updated_at,
    first_delivery
from versions
