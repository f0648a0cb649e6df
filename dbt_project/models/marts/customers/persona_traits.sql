-- Generated from the score tables of crm_pipeline/scoring by `python -m crm_pipeline.scoring.dbt_files`.
select
    as_of_date,
    persona_number,
    persona,
    trait,
    label,
    mean,
    mean_of_all,
    difference
from {{ source('scoring', 'persona_traits') }}
where as_of_date = {{ as_of_date() }}
