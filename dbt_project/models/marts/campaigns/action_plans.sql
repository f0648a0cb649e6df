-- Generated from the score tables of crm_pipeline/scoring by `python -m crm_pipeline.scoring.dbt_files`.
select
    plan,
    as_of_date,
    budget,
    people,
    cost,
    expected_value
from {{ source('scoring', 'action_plans') }}
where as_of_date = {{ as_of_date() }}
