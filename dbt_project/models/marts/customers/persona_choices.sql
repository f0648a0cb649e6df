-- Generated from the score tables of crm_pipeline/scoring by `python -m crm_pipeline.scoring.dbt_files`.
select
    as_of_date,
    personas,
    silhouette,
    stability,
    is_chosen
from {{ source('scoring', 'persona_choices') }}
where as_of_date = {{ as_of_date() }}
