-- Generated from the score tables of crm_pipeline/scoring by `python -m crm_pipeline.scoring.dbt_files`.
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
