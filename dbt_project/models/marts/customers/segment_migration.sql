-- Generated from the score tables of crm_pipeline/scoring by `python -m crm_pipeline.scoring.dbt_files`.
select
    kind,
    from_date,
    to_date,
    from_segment,
    to_segment,
    people
from {{ source('scoring', 'segment_migration') }}
where to_date <= {{ as_of_date() }}
