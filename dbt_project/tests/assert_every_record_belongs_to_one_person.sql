{{ config(meta={'dagster': {'ref': {'name': 'dim_customers'}}}) }}

-- depends_on: {{ ref('dim_customers') }}
-- The golden record is named so that this runs with its stage: before, there is no person map.
with records as (
    select distinct record_id from {{ ref('stg_identifiers') }}
),

people as (
    select record_id, count(distinct customer_key) as people
    from {{ source('identity', 'person_map') }}
    group by record_id
)

select records.record_id, people.people
from records
left join people on records.record_id = people.record_id
where people.people is null or people.people <> 1
