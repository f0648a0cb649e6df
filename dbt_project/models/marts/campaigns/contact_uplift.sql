select
    customer_key,
    as_of_date,
    contact_channel,
    expected_extra_margin,
    expected_extra_orders,
    model_version
from {{ source('scoring', 'uplift') }}
where as_of_date = {{ as_of_date() }}
