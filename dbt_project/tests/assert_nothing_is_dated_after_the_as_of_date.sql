{{ config(meta={'dagster': {'ref': {'name': 'stg_orders'}}}) }}

{% for model, moments in [
    ('stg_customers', ['created_at']),
    ('stg_orders', ['ordered_at', 'refunded_at']),
    ('stg_web_events', ['occurred_at']),
    ('stg_campaign_contacts', ['assigned_at', 'sent_at', 'delivered_at', 'bounced_at', 'opened_at', 'clicked_at',
                               'unsubscribed_at', 'redeemed_at']),
    ('stg_support_tickets', ['opened_at', 'first_response_at', 'resolved_at', 'reopened_at', 'satisfaction_at']),
    ('stg_survey_responses', ['answered_at']),
    ('stg_social_mentions', ['posted_at', 'replied_at']),
    ('stg_loyalty_events', ['occurred_at']),
    ('stg_referrals', ['invited_at', 'accepted_at']),
    ('stg_consents', ['decided_at']),
    ('stg_identifiers', ['known_at']),
] %}
{%- for moment in moments %}
select '{{ model }}' as held_in, '{{ moment }}' as told_by, count(*) as occurrences
from {{ ref(model) }}
where {{ moment }} >= {{ end_of_as_of_day() }}
having count(*) > 0
union all
{%- endfor %}
{%- endfor %}
select 'stg_ad_spend' as held_in, 'spend_on' as told_by, count(*) as occurrences
from {{ ref('stg_ad_spend') }}
where spend_on > {{ as_of_date() }}
having count(*) > 0
union all
select 'stg_orders' as held_in, 'ordered_on' as told_by, count(*) as occurrences
from {{ ref('stg_orders') }}
where ordered_on > {{ as_of_date() }}
having count(*) > 0
