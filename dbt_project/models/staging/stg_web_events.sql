with latest as (
    {{ latest_rows(source('raw', 'web_events'), 'event_id', 'occurred_at') }}
),

events as (
    select
        *,
        {{ filled('anonymous_id') }} as device_id,
        {{ filled('customer_id') }} as visitor_id,
        {{ filled('session_id') }} as visit_id,
        {{ filled('order_id') }} as clean_order_id,
        -- Some sources number the visits of each device from one: the device is a part of the name.
        coalesce(device_id || '|' || visit_id, visit_id) as named_visit
    from latest
),

-- Where the source names no visit, `session_gap_minutes` without an event end one; an event of nobody is a visit of its
-- own.
without_visit as (
    select
        _system,
        event_id,
        coalesce('device|' || device_id, 'customer|' || visitor_id, 'event|' || event_id) as visitor,
        occurred_at
    from events
    where named_visit is null
),

starts as (
    select
        *,
        lag(occurred_at) over (
            partition by _system, visitor order by occurred_at nulls last, event_id nulls last
        ) as previous_at
    from without_visit
),

visits as (
    select
        _system,
        event_id,
        visitor || '|' || cast(
            max(case
                when
                    previous_at is null
                    or {{ minutes_between('previous_at', 'occurred_at') }} >= {{ var('session_gap_minutes') }}
                    then occurred_at
            end) over (
                partition by _system, visitor order by occurred_at nulls last, event_id nulls last
                rows between unbounded preceding and current row
            ) as string
        ) as visit
    from starts
)

select
    {{ surrogate_key(['events._system', 'coalesce(events.named_visit, visits.visit)']) }} as session_key,
    events._system as system,
    events.event_id,
    events.device_id as anonymous_id,
    {{ record_id('events._system', 'events.visitor_id', 'null', 'null', 'null') }} as record_id,
    events.event_type,
    coalesce(events.platform, 'web') as platform,
    lower({{ filled('events.device_type') }}) as device_type,
    events.occurred_at,
    {%- for parameter in ['utm_source', 'utm_medium'] %}
    lower(coalesce({{ filled('events.' ~ parameter) }}, {{ url_parameter('events.page_url', parameter) }}))
        as {{ parameter }},
    {%- endfor %}
    coalesce({{ filled('events.utm_campaign') }}, {{ url_parameter('events.page_url', 'utm_campaign') }})
        as utm_campaign,
    case
        when events.clean_order_id is not null then {{ surrogate_key(['events._system', 'events.clean_order_id']) }}
    end as order_key,
    events._first_delivery as first_delivery
from events
left join visits on events._system = visits._system and events.event_id = visits.event_id
