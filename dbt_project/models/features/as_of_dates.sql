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

channels as (
    select
        {%- for channel, fact, day in [
            ('web', 'fct_web_sessions', 'started_on'), ('campaigns', 'fct_campaign_contacts', 'sent_on'),
            ('service', 'fct_support_tickets', 'opened_on'), ('surveys', 'fct_survey_responses', 'answered_on'),
            ('social', 'fct_social_mentions', 'posted_on'), ('loyalty', 'fct_loyalty_events', 'occurred_on'),
            ('referrals', 'fct_referrals', 'invited_on'),
        ] %}
        (select min({{ day }}) from {{ ref(fact) }}) as {{ channel }}_since,
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
    {%- for channel in ['web', 'campaigns', 'service', 'surveys', 'social', 'loyalty', 'referrals'] %}
    coalesce(channels.{{ channel }}_since <= grid.as_of_date, false) as has_{{ channel }},
    {%- endfor %}
    channels.has_categories
from grid
cross join channels
where grid.as_of_date = {{ as_of_date() }} or grid.as_of_date >= (select min(known_since) from people)
