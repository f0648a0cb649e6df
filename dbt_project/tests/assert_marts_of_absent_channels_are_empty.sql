{{ config(meta={'dagster': {'ref': {'name': 'data_quality'}}}) }}

-- A channel without rows says which marts stay empty without it, and so they do.
{% set channels = {
    'campaigns': ['campaign_performance'],
    'campaign_contacts': ['experiment_results'],
    'support_tickets': ['service_quality', 'ticket_causes'],
    'survey_responses': ['satisfaction', 'satisfaction_drivers'],
    'social_mentions': ['social_listening', 'mentions_to_answer'],
    'loyalty_events': ['loyalty_programme', 'tier_movement', 'loyalty_effect'],
    'referrals': ['referral_summary'],
} %}
{% for channel, marts in channels.items() %}
{%- set is_last_channel = loop.last %}
{%- for mart in marts %}
select '{{ channel }}' as channel, '{{ mart }}' as mart, without_it
from {{ ref('stg_channel_rows') }}
where
    channel = '{{ channel }}' and (
        without_it not like '%{{ mart }}%'
        or (row_count = 0 and exists (select 1 from {{ ref(mart) }}))
    )
{{ "union all" if not (loop.last and is_last_channel) }}
{%- endfor %}
{%- endfor %}
