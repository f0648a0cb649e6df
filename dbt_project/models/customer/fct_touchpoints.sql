-- Every contact of a person with the company, in all channels. A row of this list is a kind of contact: where it is
-- told, whose, when, over which contact channel, what it is, who made it, the source's name for it, and which rows it
-- covers.

{%- set contacts = [
    ('orders', 'customer_key', 'ordered_at', 'sales_channel', "'order'", 'inbound', 'order_id',
     "status <> 'cancelled' and kind = 'sale'"),
    ('orders', 'customer_key', 'ordered_at', 'sales_channel', "'return'", 'inbound', 'order_id',
     "status <> 'cancelled' and kind = 'return'"),
    ('orders', 'customer_key', 'ordered_at', 'sales_channel', "'cancellation'", 'inbound', 'order_id',
     "status = 'cancelled'"),
    ('registrations', 'customer_key', 'created_at', 'acquisition_medium', "'registration'", 'inbound',
     "'customer|' || source_customer_id", 'true'),
    ('sessions', 'customer_key', 'started_at', 'platform', "'web_session'", 'inbound', 'session_key', 'true'),
    ('campaign_contacts', 'customer_key', 'sent_at', 'contact_channel', "'campaign_sent'", 'outbound', 'contact_id',
     'true'),
    ('campaign_contacts', 'customer_key', 'opened_at', 'contact_channel', "'campaign_opened'", 'inbound', 'contact_id',
     'true'),
    ('campaign_contacts', 'customer_key', 'clicked_at', 'contact_channel', "'campaign_clicked'", 'inbound', 'contact_id',
     'true'),
    ('campaign_contacts', 'customer_key', 'unsubscribed_at', 'contact_channel', "'campaign_unsubscribed'", 'inbound',
     'contact_id', 'true'),
    ('tickets', 'customer_key', 'opened_at', 'contact_channel', "'ticket_opened'", 'inbound', 'ticket_id', 'true'),
    ('tickets', 'customer_key', 'resolved_at', 'contact_channel', "'ticket_resolved'", 'outbound', 'ticket_id',
     'true'),
    ('responses', 'customer_key', 'answered_at', "'survey'", "'survey_answer'", 'inbound', 'response_id', 'true'),
    ('mentions', 'customer_key', 'posted_at', 'platform', "'mention'", 'inbound', 'mention_id', 'true'),
    ('loyalty_events', 'customer_key', 'occurred_at', "'loyalty'", "'loyalty_' || kind", 'inbound', 'event_id',
     "kind in ('join', 'earn', 'redeem')"),
    ('loyalty_events', 'customer_key', 'occurred_at', "'loyalty'", "'loyalty_' || kind", 'outbound', 'event_id',
     "kind in ('adjust', 'tier_change')"),
    ('referrals', 'referrer_customer_key', 'invited_at', "'referral'", "'referral_made'", 'inbound', 'referral_id',
     'true'),
    ('referrals', 'referred_customer_key', 'invited_at', "'referral'", "'referral_received'", 'outbound',
     'referral_id', 'true'),
] %}

with registrations as (
    select customers.*, person_map.customer_key
    from {{ ref('stg_customers') }} as customers
    inner join {{ source('identity', 'person_map') }} as person_map on customers.record_id = person_map.record_id
),

{% for name, model in [
    ('orders', 'fct_orders'), ('sessions', 'fct_web_sessions'), ('campaign_contacts', 'fct_campaign_contacts'),
    ('tickets', 'fct_support_tickets'), ('responses', 'fct_survey_responses'), ('mentions', 'fct_social_mentions'),
    ('loyalty_events', 'fct_loyalty_events'), ('referrals', 'fct_referrals'),
] -%}
{{ name }} as (
    select * from {{ ref(model) }}
),

{% endfor -%}
touchpoints as (
    {%- for name, person, moment, contact_channel, kind, direction, reference, covered in contacts %}
    select
        {{ person }} as customer_key,
        {{ moment }} as occurred_at,
        {{ contact_channel }} as contact_channel,
        {{ kind }} as kind,
        '{{ direction }}' as direction,
        system || '|' || cast({{ reference }} as string) as reference
    from {{ name }}
    where {{ person }} is not null and {{ moment }} is not null and {{ covered }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    customer_key,
    occurred_at,
    {{ local_date('occurred_at') }} as occurred_on,
    coalesce(contact_channel, 'unknown') as contact_channel,
    kind,
    direction,
    reference
from touchpoints
