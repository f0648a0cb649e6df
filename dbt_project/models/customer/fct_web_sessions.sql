-- Visits, and whose they were. A visit without a login belongs to the person who logs in next on the same device,
-- within 30 days; the next login hides all later ones, so that nobody reaches back past another person.

with events as (
    select *, cast(occurred_at as varchar) || '|' || event_id as position from {{ ref('stg_web_events') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

sessions as (
    select
        session_key,
        min(system) as system,
        min(anonymous_id) as anonymous_id,
        min_by(record_id, position) filter (where record_id is not null) as record_id,
        min(occurred_at) filter (where record_id is not null) as logged_in_at,
        min(platform) as platform,
        min(device_type) as device_type,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as events,
        {%- for kind, name in [('page_view', 'page_views'), ('product_view', 'product_views'), ('search', 'searches'),
                               ('add_to_cart', 'cart_additions'), ('checkout', 'checkouts'), ('purchase', 'purchases')] %}
        count(*) filter (where event_type = '{{ kind }}') as {{ name }},
        {%- endfor %}
        -- The three parameters of one arrival belong together.
        {%- for parameter in ['utm_source', 'utm_medium', 'utm_campaign'] %}
        min_by(coalesce({{ parameter }}, ''), position) filter (
            where coalesce(utm_source, utm_medium, utm_campaign) is not null
        ) as {{ parameter }},
        {%- endfor %}
        min(order_key) as order_key
    from events
    group by session_key
),

with_next_login as (
    select
        *,
        first_value(record_id ignore nulls) over next_ones as next_record_id,
        first_value(logged_in_at ignore nulls) over next_ones as next_login_at
    from sessions
    window next_ones as (
        -- What names no device shares none.
        partition by system, coalesce(anonymous_id, cast(session_key as varchar))
        order by coalesce(logged_in_at, started_at), session_key
        rows between current row and unbounded following
    )
),

attributed as (
    select
        *,
        case
            when record_id is not null then record_id
            when {{ seconds_between('started_at', 'next_login_at') }} <= 30 * 86400 then next_record_id
        end as visitor_record_id
    from with_next_login
)

select
    attributed.session_key,
    attributed.system,
    person_map.customer_key,
    attributed.record_id is not null as is_logged_in,
    attributed.platform,
    attributed.device_type,
    attributed.started_at,
    {{ local_date('attributed.started_at') }} as started_on,
    attributed.ended_at,
    {{ seconds_between('attributed.started_at', 'attributed.ended_at') }} as duration_seconds,
    attributed.events,
    attributed.page_views,
    attributed.product_views,
    attributed.searches,
    attributed.cart_additions,
    attributed.checkouts,
    attributed.purchases,
    attributed.order_key,
    {{ filled('attributed.utm_source') }} as utm_source,
    {{ filled('attributed.utm_medium') }} as utm_medium,
    {{ filled('attributed.utm_campaign') }} as utm_campaign
from attributed
left join person_map on attributed.visitor_record_id = person_map.record_id
