-- Generated from the score tables of crm_pipeline/scoring by `python -m crm_pipeline.scoring.dbt_files`.
select
    kind,
    from_on,
    to_on,
    from_group,
    to_group,
    people
from {{ source('scoring', 'group_migration') }}
where to_on <= {{ as_of_date() }}
