-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    kind,
    from_on,
    to_on,
    from_group,
    to_group,
    people
from {{ source('scoring', 'group_migration') }}
where to_on <= {{ as_of_date() }}
