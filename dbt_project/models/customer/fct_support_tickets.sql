with tickets as (
    select * from {{ ref('stg_support_tickets') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
)

select
    tickets.ticket_key,
    tickets.system,
    tickets.ticket_id,
    person_map.customer_key,
    tickets.order_key,
    tickets.contact_channel,
    tickets.category,
    tickets.priority,
    tickets.status,
    tickets.opened_at,
    tickets.opened_on,
    tickets.first_response_at,
    tickets.resolved_at,
    {{ local_date('tickets.resolved_at') }} as resolved_on,
    tickets.reopened_at,
    tickets.reopen_count,
    tickets.first_response_minutes,
    tickets.resolution_minutes,
    tickets.satisfaction,
    tickets.subject_line,
    tickets.body
from tickets
left join person_map on tickets.record_id = person_map.record_id
