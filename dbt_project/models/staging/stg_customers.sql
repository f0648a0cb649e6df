with versions as (
    select * from {{ ref('stg_customer_versions') }} where valid_to is null
)

select
    system,
    source_customer_id,
    record_id,
    {%- for attribute in golden_names() %}
    {{ attribute }},
    {%- endfor %}
    referrer_id,
    merged_into,
    merged_ids,
    social_handle,
    created_at,
    updated_at,
    first_delivery
from versions
