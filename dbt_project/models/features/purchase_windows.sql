-- What each person bought in the windows that end on each as-of date or 90 days before it.

{%- set periods = [('24m', 'months_24_before', 'as_of_date'), ('12m', 'months_12_before', 'as_of_date'),
                   ('90d', 'days_90_before', 'as_of_date'), ('prev_90d', 'days_180_before', 'days_90_before')] %}

with days as (
    select * from {{ ref('customer_days') }}
),

dates as (
    select * from {{ ref('as_of_dates') }}
)

select
    days.customer_key,
    dates.as_of_date,
    {%- for period, since, until in periods %}
    {%- set in_period = 'days.day > dates.' ~ since ~ ' and days.day <= dates.' ~ until %}
    cast(coalesce(sum(days.orders) filter (where {{ in_period }}), 0) as bigint) as orders_{{ period }},
    cast(coalesce(sum(days.revenue) filter (where {{ in_period }}), 0) as decimal(18, 2)) as revenue_{{ period }},
    {%- endfor %}
    cast(
        coalesce(sum(days.margin) filter (where days.day > dates.months_12_before), 0) as decimal(18, 2)
    ) as margin_12m
from days
inner join dates on days.day <= dates.as_of_date and days.day > dates.months_24_before
group by days.customer_key, dates.as_of_date
