-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    as_of_date,
    persona_number,
    dimension_group,
    dimension,
    value,
    people,
    share,
    lift
from {{ source('scoring', 'persona_cuts') }}
where as_of_date = {{ as_of_date() }}
