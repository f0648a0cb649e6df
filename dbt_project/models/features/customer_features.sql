-- What was known about each person at the end of each as-of date: month ends, and the run's own date. Dates multiply
-- days with orders, not orders.

with people as (
    select * from {{ ref('dim_customers') }}
),

days as (
    select * from {{ ref('customer_days') }}
),

grid as (
    select {{ as_of_date() }} as as_of_date
    union
    select {{ month_end('month_start') }} as as_of_date
    from (
        {{ month_spine(add_months(as_of_date(), -(var('feature_grid_months') | int)), as_of_date()) }}
    ) as months
    where {{ month_end('month_start') }} <= {{ as_of_date() }}
),

-- Before the first person was known there is nothing to say, also about people of whom no date is known.
as_of_dates as (
    select
        as_of_date,
        {{ add_days('as_of_date', -90) }} as days_90_before,
        {{ add_days('as_of_date', -180) }} as days_180_before,
        {{ add_months('as_of_date', -12) }} as months_12_before,
        {{ add_months('as_of_date', -24) }} as months_24_before
    from grid
    where as_of_date = {{ as_of_date() }} or as_of_date >= (select min(known_since) from people)
),

people_and_dates as (
    select
        people.customer_key,
        people.known_since,
        people.has_profile and coalesce(people.profile_since <= as_of_dates.as_of_date, true) as has_profile,
        people.consent_email
        and coalesce(coalesce(people.consent_on, people.profile_since) <= as_of_dates.as_of_date, true)
            as consent_email,
        as_of_dates.as_of_date
    from people
    inner join as_of_dates on people.known_since is null or people.known_since <= as_of_dates.as_of_date
),

history as (
    select
        days.customer_key,
        dates.as_of_date,
        min(days.day) filter (where days.has_order) as first_order_on,
        max(days.day) filter (where days.has_order) as last_order_on,
        count(*) filter (where days.has_order) as order_days,
        sum(days.orders) as orders_lifetime,
        sum(days.revenue) as revenue_lifetime,
        sum(days.margin) as margin_lifetime,
        {%- for period, since, until in [
            ('24m', 'months_24_before', 'as_of_date'), ('12m', 'months_12_before', 'as_of_date'),
            ('90d', 'days_90_before', 'as_of_date'), ('prev_90d', 'days_180_before', 'days_90_before')
        ] %}
        {%- set in_period = 'days.day > dates.' ~ since ~ ' and days.day <= dates.' ~ until %}
        sum(days.orders) filter (where {{ in_period }}) as orders_{{ period }},
        sum(days.revenue) filter (where {{ in_period }}) as revenue_{{ period }},
        {%- endfor %}
        sum(days.margin) filter (where days.day > dates.months_12_before) as margin_12m,
        sum(days.counted_revenue) as counted_revenue,
        sum(days.returned_amount) as returned_amount,
        sum(days.discount_amount) as discount_amount,
        sum(days.units) as units,
        sum(days.orders_with_units) as orders_with_units,
        avg(days.gap_days) as mean_gap_days,
        stddev_samp(days.gap_days) as sd_gap_days,
        sum(days.orders_with_channel) as orders_with_channel,
        sum(days.orders_store) as orders_store,
        sum(days.orders_web) as orders_web,
        sum(days.orders_app) as orders_app,
        sum(days.orders_marketplace) as orders_marketplace
    from days
    inner join as_of_dates as dates on days.day <= dates.as_of_date
    group by days.customer_key, dates.as_of_date
)

select
    people.customer_key,
    people.as_of_date,
    {{ days_between('people.known_since', 'people.as_of_date') }} as tenure_days,
    history.first_order_on,
    history.last_order_on,
    cast(coalesce(history.orders_lifetime, 0) as bigint) as orders_lifetime,
    coalesce(history.order_days, 0) as order_days,
    {{ days_between('history.first_order_on', 'history.last_order_on') }} as t_x_days,
    {{ days_between('history.first_order_on', 'people.as_of_date') }} as age_days,
    {{ days_between('history.last_order_on', 'people.as_of_date') }} as recency_days,
    {%- for amount in ['revenue_lifetime', 'margin_lifetime', 'revenue_24m', 'revenue_12m', 'margin_12m',
                       'revenue_90d', 'revenue_prev_90d'] %}
    cast(coalesce(history.{{ amount }}, 0) as decimal(18, 2)) as {{ amount }},
    {%- endfor %}
    {%- for orders in ['orders_24m', 'orders_12m', 'orders_90d', 'orders_prev_90d'] %}
    cast(coalesce(history.{{ orders }}, 0) as bigint) as {{ orders }},
    {%- endfor %}
    {{ ratio('history.revenue_lifetime', 'history.orders_lifetime') }} as avg_order_value,
    history.mean_gap_days,
    history.sd_gap_days,
    {{ ratio('history.returned_amount', 'history.revenue_lifetime + history.returned_amount') }} as return_share,
    {{ ratio('history.discount_amount', 'history.counted_revenue + history.discount_amount') }} as discount_share,
    {{ ratio('history.units', 'history.orders_with_units') }} as units_per_order,
    {%- for channel in ['store', 'web', 'app', 'marketplace'] %}
    {{ ratio('history.orders_' ~ channel, 'history.orders_with_channel') }} as share_{{ channel }},
    {%- endfor %}
    people.has_profile,
    people.consent_email
from people_and_dates as people
left join history on people.customer_key = history.customer_key and people.as_of_date = history.as_of_date
