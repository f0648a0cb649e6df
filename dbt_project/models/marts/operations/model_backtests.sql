-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    model,
    origin,
    candidate,
    is_baseline,
    metric,
    value,
    people,
    as_of_date
from {{ source('scoring', 'model_backtests') }}
where as_of_date <= {{ as_of_date() }}
