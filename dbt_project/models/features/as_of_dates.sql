-- The dates for which features are made: month ends, and the run's own date. With them go the last days before each of
-- their windows, and which channels have said anything by then: a channel that is not there is not one without events.

with people as (
    select * from {{ ref('dim_customers') }}
),

products as (
    select * from {{ ref('dim_products') }}
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

told as (
    select
        {%- for channel in channels() if channel.features %}
        (select min({{ channel.features.since }}) from {{ ref(channel.fact) }}) as {{ channel.features.group }}_since,
        {%- endfor %}
        (select count(category) from products) > 0 as has_categories
)

-- Before the first person was known there is nothing to say, also about people of whom no date is known.
select
    grid.as_of_date,
    {{ add_days('grid.as_of_date', -30) }} as days_30_before,
    {{ add_days('grid.as_of_date', -90) }} as days_90_before,
    {{ add_days('grid.as_of_date', -180) }} as days_180_before,
    {{ add_months('grid.as_of_date', -12) }} as months_12_before,
    {{ add_months('grid.as_of_date', -24) }} as months_24_before,
    {%- for features in channels() | map(attribute='features') if features %}
    coalesce(told.{{ features.group }}_since <= grid.as_of_date, false) as has_{{ features.group }},
    {%- endfor %}
    told.has_categories
from grid
cross join told
where grid.as_of_date = {{ as_of_date() }} or grid.as_of_date >= (select min(known_since) from people)
