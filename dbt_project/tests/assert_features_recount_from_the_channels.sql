{{ config(meta={'dagster': {'ref': {'name': 'sampled_features'}}}) }}

-- Counted again straight from the rows that each channel had by each as-of date, by another way than the models take.
{%- set since = 'facts.day > ' ~ add_days('features.as_of_date', -90) %}
{%- set since_12m = 'facts.day > ' ~ add_months('features.as_of_date', -12) %}
{%- set recounts = [
    ('sessions_90d', 'fct_web_sessions', local_date('ended_at'), 'is_logged_in', since, 'count(facts.day)'),
    ('carts_90d', 'fct_web_sessions', local_date('ended_at'), 'is_logged_in and cart_additions > 0', since,
     'count(facts.day)'),
    ('contacts_90d', 'fct_campaign_contacts', 'sent_on', 'true', since, 'count(facts.day)'),
    ('opens_90d', 'fct_campaign_contacts', local_date('opened_at'), 'true', since, 'count(facts.day)'),
    ('clicks_90d', 'fct_campaign_contacts', local_date('clicked_at'), 'true', since, 'count(facts.day)'),
    ('tickets_90d', 'fct_support_tickets', 'opened_on', 'true', since, 'count(facts.day)'),
    ('reopened_12m', 'fct_support_tickets', local_date('reopened_at'), 'true', since_12m, 'count(facts.day)'),
    ('answered', 'fct_survey_responses', 'answered_on', "kind = 'csat' and is_in_scale", 'true',
     'count(distinct facts.customer_key)'),
    ('mentions_12m', 'fct_social_mentions', 'posted_on', 'true', since_12m, 'count(facts.day)'),
    ('points_balance', 'fct_loyalty_events', 'occurred_on', 'true', 'true', 'sum(facts.points)'),
    ('members', 'fct_loyalty_events', 'occurred_on', 'true', 'true', 'count(distinct facts.customer_key)'),
    ('referrals_made', 'fct_referrals', 'invited_on', 'true', 'true', 'count(facts.day)'),
] %}

with features as (
    select
        as_of_date,
        {%- for feature in ['sessions_90d', 'carts_90d', 'contacts_90d', 'opens_90d', 'clicks_90d', 'tickets_90d',
                            'reopened_12m', 'mentions_12m', 'points_balance', 'referrals_made'] %}
        sum({{ feature }}) as {{ feature }},
        {%- endfor %}
        count(last_csat) as answered,
        count(*) filter (where is_member) as members
    from {{ ref('sampled_features') }}
    group by as_of_date
),

-- What somebody did before they were known counts from the day on which they were.
people as (
    select customer_key, min(as_of_date) as first_date
    from {{ ref('sampled_features') }}
    group by customer_key
),

{% for feature, fact, day, condition, in_window, figure in recounts -%}
rows_of_{{ feature }} as (
    select facts.*, people.first_date, {{ day }} as day
    from {{ ref(fact) }} as facts
    inner join people on facts.{{ 'referrer_' if fact == 'fct_referrals' }}customer_key = people.customer_key
    where {{ condition }}
),

recounted_{{ feature }} as (
    select
        features.as_of_date,
        features.{{ feature }} as featured,
        {{ figure }} as recounted
    from features
    left join rows_of_{{ feature }} as facts
        on
            features.as_of_date >= facts.day
            and features.as_of_date >= facts.first_date
            and {{ in_window }}
    group by features.as_of_date, features.{{ feature }}
),

{% endfor -%}
compared as (
    {%- for feature in recounts | map(attribute=0) %}
    select '{{ feature }}' as feature, * from recounted_{{ feature }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select feature, as_of_date, featured, recounted
from compared
where coalesce(featured, 0) <> coalesce(recounted, 0)
