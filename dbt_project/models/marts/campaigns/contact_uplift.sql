-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    customer_key,
    as_of_date,
    contact_channel,
    {{ to_price('expected_extra_margin') }} as expected_extra_margin,
    expected_extra_orders,
    is_mean_effect,
    model_version
from {{ source('scoring', 'uplift') }}
where as_of_date = {{ as_of_date() }}
