{{ config(meta={'dagster': {'ref': {'name': 'lifecycle_profile'}}}) }}

with flows as (
    select to_stage as stage, transitions as people from {{ ref('lifecycle_transitions') }}
    union all
    select from_stage as stage, -transitions as people
    from {{ ref('lifecycle_transitions') }}
    where from_stage is not null
),

stocks as (
    select stage, sum(people) as people from flows group by stage
)

select coalesce(stocks.stage, profile.stage) as stage, stocks.people as moved_there, profile.people
from stocks
full outer join {{ ref('lifecycle_profile') }} as profile on stocks.stage = profile.stage
where coalesce(stocks.people, 0) <> coalesce(profile.people, 0)
