with events as (
    select * from {{ ref('stg_loyalty_events') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
)

select
    events.loyalty_event_key,
    events.system,
    events.event_id,
    person_map.customer_key,
    events.kind,
    events.points,
    events.tier,
    events.order_key,
    events.occurred_at,
    events.occurred_on
from events
left join person_map on events.record_id = person_map.record_id
