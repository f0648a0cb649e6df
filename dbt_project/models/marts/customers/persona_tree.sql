-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    as_of_date,
    step,
    one,
    other,
    distance,
    personas
from {{ source('scoring', 'persona_tree') }}
where as_of_date = {{ as_of_date() }}
