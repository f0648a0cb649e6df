{{ config(meta={'dagster': {'ref': {'name': 'journey_funnel'}}}) }}

with steps as (
    select
        *,
        lag(people) over (partition by month, medium, segment order by step_number) as people_before
    from {{ ref('journey_funnel') }}
)

select month, medium, segment, step, people, people_before
from steps
where people > people_before
