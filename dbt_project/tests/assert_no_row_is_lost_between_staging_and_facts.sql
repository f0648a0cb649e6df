{{ config(meta={'dagster': {'ref': {'name': 'fct_touchpoints'}}}) }}

-- What staging holds of a channel is in its fact, whoever it belongs to.
{% for staged, fact, key in [
    ('stg_campaigns', 'dim_campaigns', 'campaign_key'),
    ('stg_campaign_contacts', 'fct_campaign_contacts', 'contact_key'),
    ('stg_ad_spend', 'fct_ad_spend', 'spend_key'),
    ('stg_web_events', 'fct_web_sessions', 'session_key'),
    ('stg_support_tickets', 'fct_support_tickets', 'ticket_key'),
    ('stg_survey_responses', 'fct_survey_responses', 'response_key'),
    ('stg_social_mentions', 'fct_social_mentions', 'mention_key'),
    ('stg_loyalty_events', 'fct_loyalty_events', 'loyalty_event_key'),
    ('stg_referrals', 'fct_referrals', 'referral_key'),
    ('stg_consents', 'fct_consents', 'consent_key'),
] %}
select '{{ staged }}' as staged_in, staged.{{ key }} as row_key
from {{ ref(staged) }} as staged
full outer join {{ ref(fact) }} as facts on staged.{{ key }} = facts.{{ key }}
where staged.{{ key }} is null or facts.{{ key }} is null
{{ "union all" if not loop.last }}
{%- endfor %}
