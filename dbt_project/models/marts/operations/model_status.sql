-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    model,
    as_of_date,
    status,
    reason,
    model_version,
    champion,
    trained_on,
    baseline,
    metric,
    higher_is_better
from {{ source('scoring', 'model_status') }}
where as_of_date <= {{ as_of_date() }}
