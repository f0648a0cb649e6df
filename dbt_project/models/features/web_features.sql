-- What each person did on the web and in the app by each as-of date. Only visits with a login count: whose the others
-- were is told by a later login, of which nobody knew at the time. A visit counts on the day on which it ended.

with visits as (
    select *, {{ local_date('ended_at') }} as day
    from {{ ref('fct_web_sessions') }}
    where is_logged_in and customer_key is not null
),

dates as (
    select * from {{ ref('as_of_dates') }}
),

days as (
    select
        customer_key,
        day,
        lead(day) over (partition by customer_key order by day nulls last) as next_day,
        count(*) as sessions,
        count(*) filter (where platform = 'app') as app_sessions,
        sum(page_views + product_views) as views,
        count(*) filter (where cart_additions > 0) as carts,
        count(*) filter (where cart_additions > 0 and purchases = 0) as abandoned_carts,
        sum(duration_seconds) as seconds
    from visits
    group by customer_key, day
),

windows as (
    select
        days.customer_key,
        {%- for period, since, until in [('30d', 'days_30_before', 'as_of_date'),
                                         ('prev_90d', 'days_180_before', 'days_90_before')] %}
        sum(days.sessions) filter (where days.day > dates.{{ since }} and days.day <= dates.{{ until }})
            as sessions_{{ period }},
        {%- endfor %}
        {%- for amount in ['sessions', 'app_sessions', 'views', 'carts', 'abandoned_carts', 'seconds'] %}
        sum(days.{{ amount }}) filter (where days.day > dates.days_90_before) as {{ amount }}_90d,
        {%- endfor %}
        dates.as_of_date
    from days
    inner join dates on days.day <= dates.as_of_date and days.day > dates.days_180_before
    group by days.customer_key, dates.as_of_date
)

select
    days.customer_key,
    dates.as_of_date,
    {{ days_between('days.day', 'dates.as_of_date') }} as days_since_visit,
    {%- for count in ['sessions_30d', 'sessions_90d', 'sessions_prev_90d', 'views_90d', 'carts_90d',
                      'abandoned_carts_90d'] %}
    cast(coalesce(windows.{{ count }}, 0) as bigint) as {{ count }},
    {%- endfor %}
    {{ ratio('coalesce(windows.seconds_90d, 0)', 60) }} as web_minutes_90d,
    {{ ratio('windows.app_sessions_90d', 'windows.sessions_90d') }} as app_share_90d
from days
inner join dates
    on days.day <= dates.as_of_date and (days.next_day is null or days.next_day > dates.as_of_date)
left join windows on days.customer_key = windows.customer_key and dates.as_of_date = windows.as_of_date
