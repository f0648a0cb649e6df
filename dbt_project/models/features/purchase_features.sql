-- What each person bought by each as-of date. Lifetime figures run on from day to day and hold until the next one, so
-- that they are summed once; only windows, from which days drop out again, are summed for each date.

{%- set sums = ['orders', 'revenue', 'margin', 'counted_revenue', 'returned_amount', 'discount_amount', 'units',
                'orders_with_units', 'orders_with_channel', 'orders_store', 'orders_web', 'orders_app',
                'orders_marketplace', 'orders_with_coupon', 'orders_on_weekend'] %}

with days as (
    select * from {{ ref('customer_days') }}
),

dates as (
    select * from {{ ref('as_of_dates') }}
),

running as (
    select
        customer_key,
        day,
        lead(day) over (partition by customer_key order by day) as next_day,
        {%- for amount in sums %}
        sum({{ amount }}) over so_far as {{ amount }},
        {%- endfor %}
        count(case when has_order then day end) over so_far as order_days,
        min(case when has_order then day end) over so_far as first_order_on,
        max(case when has_order then day end) over so_far as last_order_on,
        avg(gap_days) over so_far as mean_gap_days,
        stddev_samp(gap_days) over so_far as sd_gap_days
    from days
    window so_far as (
        partition by customer_key order by day rows between unbounded preceding and current row
    )
),

windows as (
    select
        days.customer_key,
        dates.as_of_date,
        {%- for period, since, until in [
            ('24m', 'months_24_before', 'as_of_date'), ('12m', 'months_12_before', 'as_of_date'),
            ('90d', 'days_90_before', 'as_of_date'), ('prev_90d', 'days_180_before', 'days_90_before')
        ] %}
        {%- set in_period = 'days.day > dates.' ~ since ~ ' and days.day <= dates.' ~ until %}
        sum(days.orders) filter (where {{ in_period }}) as orders_{{ period }},
        sum(days.revenue) filter (where {{ in_period }}) as revenue_{{ period }},
        {%- endfor %}
        sum(days.margin) filter (where days.day > dates.months_12_before) as margin_12m
    from days
    inner join dates on days.day <= dates.as_of_date and days.day > dates.months_24_before
    group by days.customer_key, dates.as_of_date
)

select
    running.customer_key,
    dates.as_of_date,
    running.first_order_on,
    running.last_order_on,
    running.order_days,
    cast(running.orders as bigint) as orders_lifetime,
    cast(running.revenue as decimal(18, 2)) as revenue_lifetime,
    cast(running.margin as decimal(18, 2)) as margin_lifetime,
    {%- for period in ['24m', '12m', '90d', 'prev_90d'] %}
    cast(coalesce(windows.orders_{{ period }}, 0) as bigint) as orders_{{ period }},
    cast(coalesce(windows.revenue_{{ period }}, 0) as decimal(18, 2)) as revenue_{{ period }},
    {%- endfor %}
    cast(coalesce(windows.margin_12m, 0) as decimal(18, 2)) as margin_12m,
    {{ ratio('running.revenue', 'running.orders') }} as avg_order_value,
    running.mean_gap_days,
    running.sd_gap_days,
    {{ ratio('running.returned_amount', 'running.revenue + running.returned_amount') }} as return_share,
    {{ ratio('running.discount_amount', 'running.counted_revenue + running.discount_amount') }} as discount_share,
    {{ ratio('running.units', 'running.orders_with_units') }} as units_per_order,
    {%- for channel in ['store', 'web', 'app', 'marketplace'] %}
    {{ ratio('running.orders_' ~ channel, 'running.orders_with_channel') }} as share_{{ channel }},
    {%- endfor %}
    {{ ratio('running.orders_with_coupon', 'running.orders') }} as coupon_share,
    {{ ratio('running.orders_on_weekend', 'running.orders') }} as weekend_share
from running
inner join dates
    on running.day <= dates.as_of_date and (running.next_day is null or running.next_day > dates.as_of_date)
left join windows on running.customer_key = windows.customer_key and dates.as_of_date = windows.as_of_date
