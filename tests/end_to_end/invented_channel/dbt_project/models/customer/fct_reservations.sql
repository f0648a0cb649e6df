with reservations as (
    select * from {{ ref('stg_reservations') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
)

select
    reservations.reservation_key,
    reservations.system,
    reservations.reservation_id,
    person_map.customer_key,
    reservations.reserved_at,
    reservations.reserved_on,
    reservations.reminded_at,
    reservations.guests
from reservations
left join person_map on reservations.record_id = person_map.record_id
