-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    programme_name,
    as_of_date,
    month,
    months_since,
    treated_mean,
    control_mean,
    effect,
    effect_lower,
    effect_upper,
    p_value
from {{ source('scoring', 'programme_effect_months') }}
where as_of_date = {{ as_of_date() }}
