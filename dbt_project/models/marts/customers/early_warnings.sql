-- Generated from the score tables of crm_pipeline/scoring by `python -m crm_pipeline.scoring.dbt_files`.
select
    customer_key,
    as_of_date,
    signal,
    strength,
    since,
    sentence
from {{ source('scoring', 'early_warnings') }}
where as_of_date = {{ as_of_date() }}
