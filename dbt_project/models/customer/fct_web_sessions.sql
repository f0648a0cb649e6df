-- Visits, and whose they were. A visit without a login belongs to the person who logs in next on the same device,
-- within `login_days`; the next login hides all later ones, so that nobody reaches back past another person.

with person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

-- Events are read three times where they lie: a CTE that is used more than once is written out whole.
logins as (
    select session_key, record_id, occurred_at as logged_in_at
    from {{ ref('stg_web_events') }}
    where record_id is not null
    qualify row_number() over (partition by session_key order by occurred_at nulls last, event_id nulls last) = 1
),

-- The three parameters of one arrival belong together.
arrivals as (
    select session_key, utm_source, utm_medium, utm_campaign
    from {{ ref('stg_web_events') }}
    where coalesce(utm_source, utm_medium, utm_campaign) is not null
    qualify row_number() over (partition by session_key order by occurred_at nulls last, event_id nulls last) = 1
),

visits as (
    select
        session_key,
        min(system) as system,
        min(anonymous_id) as anonymous_id,
        min(platform) as platform,
        min(device_type) as device_type,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as events,
        {%- for kind, name in [('page_view', 'page_views'), ('product_view', 'product_views'), ('search', 'searches'),
                               ('add_to_cart', 'cart_additions'), ('checkout', 'checkouts'),
                               ('purchase', 'purchases')] %}
        count(*) filter (where event_type = '{{ kind }}') as {{ name }},
        {%- endfor %}
        min(order_key) as order_key
    from {{ ref('stg_web_events') }}
    group by session_key
),

sessions as (
    select
        visits.*,
        logins.record_id,
        logins.logged_in_at,
        arrivals.utm_source,
        arrivals.utm_medium,
        arrivals.utm_campaign
    from visits
    left join logins on visits.session_key = logins.session_key
    left join arrivals on visits.session_key = arrivals.session_key
),

with_next_login as (
    select
        *,
        first_value(record_id ignore nulls) over next_ones as next_record_id,
        first_value(logged_in_at ignore nulls) over next_ones as next_login_at
    from sessions
    window next_ones as (
        -- What names no device shares none.
        partition by system, coalesce(anonymous_id, cast(session_key as string))
        order by coalesce(logged_in_at, started_at) nulls last, session_key nulls last
        rows between current row and unbounded following
    )
),

attributed as (
    select
        *,
        case
            when record_id is not null then record_id
            when {{ seconds_between('started_at', 'next_login_at') }} <= {{ var('login_days') }} * 86400
                then next_record_id
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
    attributed.utm_source,
    attributed.utm_medium,
    attributed.utm_campaign
from attributed
left join person_map on attributed.visitor_record_id = person_map.record_id
