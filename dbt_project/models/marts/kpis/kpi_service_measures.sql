with segments as (
    {{ rfm_segments() }}
),

tickets as (
    select
        tickets.reopen_count,
        tickets.satisfaction,
        {{ month_of('tickets.opened_on') }} as month,
        coalesce(tickets.contact_channel, 'unknown') as contact_channel,
        {{ segment_of('tickets.customer_key', 'segments.rfm_segment') }} as segment,
        {{ is_resolved('tickets') }} as is_resolved,
        {{ seconds_between('tickets.opened_at', 'tickets.first_response_at') }} as first_response_seconds,
        {{ seconds_between('tickets.opened_at', 'tickets.resolved_at') }} as resolution_seconds,
        {{ service_cost('tickets.contact_channel') }} as service_cost
    from {{ ref('fct_support_tickets') }} as tickets
    left join segments on tickets.customer_key = segments.customer_key
)

select
    month,
    {{ dimension_columns(['contact_channel', 'segment']) }},
    count(*) as tickets,
    count(first_response_seconds) as answered_tickets,
    {{ ratio('coalesce(sum(first_response_seconds), 0)', 3600) }} as hours_to_first_response,
    count(*) filter (where is_resolved or reopen_count > 0) as once_resolved_tickets,
    count(*) filter (where reopen_count > 0) as reopened_tickets,
    count(*) filter (where is_resolved) as resolved_tickets,
    count(resolution_seconds) as dated_resolutions,
    {{ ratio('coalesce(sum(resolution_seconds), 0)', 3600) }} as hours_to_resolution,
    count(satisfaction) as rated_tickets,
    count(*) filter (where satisfaction >= 4) as satisfied_tickets,
    {{ to_money('sum(service_cost)') }} as service_cost
from tickets
group by {{ each_dimension(['contact_channel', 'segment']) }}
