{{ config(meta={'dagster': {'ref': {'name': 'stg_orders'}}}) }}

select record_id as held_back, created_at as known_at
from {{ ref('stg_customers') }}
where created_at >= {{ end_of_as_of_day() }}
union all
select order_id as held_back, ordered_at as known_at
from {{ ref('stg_orders') }}
where ordered_on > {{ as_of_date() }} or ordered_at >= {{ end_of_as_of_day() }}
