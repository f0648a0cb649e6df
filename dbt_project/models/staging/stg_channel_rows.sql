-- How many rows each channel has, and how many of them the as-of date holds back.

{%- set channels = [
    ('customers', source('raw', 'customers'), 'created_at', 'cast(null as bigint)',
     'names, consent and demographics are empty; people are known by what they did alone'),
    ('consents', source('raw', 'consents'), 'decided_at', 'cast(null as bigint)',
     'consent is what customer records say'),
    ('products', source('raw', 'products'), 'null', 'cast(null as bigint)',
     'categories, brands and unit costs are empty; margins are estimated'),
    ('orders', source('raw', 'orders'), 'ordered_at', 'cast(null as bigint)',
     'tax, shipping and order discounts are empty; orders come from their lines'),
    ('order_lines', 'line_times', 'moment', 'count(*) filter (where is_undated)',
     'units and products are empty; margins are estimated'),
    ('exchange_rates', source('raw', 'exchange_rates'), 'null', 'cast(null as bigint)',
     'money in another currency stops the run'),
    ('web_events', source('raw', 'web_events'), 'occurred_at', 'cast(null as bigint)',
     'there are no visits'),
    ('campaigns', source('raw', 'campaigns'), 'null', 'cast(null as bigint)',
     'campaigns have no name and no cost, and campaign_performance is empty'),
    ('campaign_contacts', source('raw', 'campaign_contacts'), 'assigned_at', 'cast(null as bigint)',
     'nobody is known to have been contacted, and experiment_results is empty'),
    ('ad_spend', source('raw', 'ad_spend'), 'null', 'cast(null as bigint)',
     'acquisition costs are empty, also those of medium_economics'),
    ('support_tickets', source('raw', 'support_tickets'), 'opened_at', 'cast(null as bigint)',
     'service_quality and ticket_causes are empty'),
    ('survey_responses', source('raw', 'survey_responses'), 'answered_at', 'cast(null as bigint)',
     'satisfaction and satisfaction_drivers are empty'),
    ('social_mentions', source('raw', 'social_mentions'), 'posted_at', 'cast(null as bigint)',
     'social_listening and mentions_to_answer are empty'),
    ('loyalty_events', source('raw', 'loyalty_events'), 'occurred_at', 'cast(null as bigint)',
     'points and tiers are empty, and so are loyalty_programme, tier_movement and loyalty_effect'),
    ('referrals', source('raw', 'referrals'), 'invited_at', 'cast(null as bigint)',
     'referral_summary is empty, and referral_value knows only whom customer records name'),
] %}

-- A header dates its lines. A line that neither it nor a header dates, nor another line of its order, waits for one.
with line_times as (
    select
        coalesce(headers.ordered_at, lines.ordered_at) as moment,
        coalesce(headers.ordered_at, lines.ordered_at) is null and known.order_key is null as is_undated
    from {{ source('raw', 'order_lines') }} as lines
    left join {{ source('raw', 'orders') }} as headers
        on lines._system = headers._system and lines.order_id = headers.order_id
    left join {{ ref('stg_orders') }} as known on lines._system = known.system and lines.order_id = known.order_id
)

{% for channel, relation, moment, undated, without_it in channels -%}
select
    '{{ channel }}' as channel,
    count(*) as row_count,
    {% if 'null' in moment -%}
    cast(null as bigint)
    {%- else -%}
    count(*) filter (where {{ moment }} >= {{ end_of_as_of_day() }})
    {%- endif %} as after_as_of,
    {{ undated }} as undated,
    '{{ without_it }}' as without_it
from {{ relation }}
{{ "union all" if not loop.last }}
{% endfor %}
