-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    programme_name,
    as_of_date,
    status,
    unit,
    measure,
    starts_on,
    months_before,
    months_after,
    units_treated,
    units_control,
    units_left_out,
    has_few_units,
    treated_before,
    treated_after,
    control_before,
    control_after,
    effect,
    effect_lower,
    effect_upper,
    p_value,
    placebo_p_value,
    relative_effect,
    pre_trend,
    pre_trend_p_value
from {{ source('scoring', 'programme_effects') }}
where as_of_date = {{ as_of_date() }}
