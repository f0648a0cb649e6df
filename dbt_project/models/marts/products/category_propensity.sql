-- Generated from the score tables of crm_pipeline/scoring by `python -m crm_pipeline.scoring.dbt_files`.
select
    customer_key,
    as_of_date,
    category,
    probability,
    is_new,
    model_version
from {{ source('scoring', 'category_propensity') }}
where as_of_date = {{ as_of_date() }}
