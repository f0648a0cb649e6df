with contacts as (
    select * from {{ ref('stg_campaign_contacts') }}
),

campaigns as (
    select campaign_key, medium, cost_per_contact from {{ ref('stg_campaigns') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
)

select
    contacts.contact_key,
    contacts.system,
    contacts.contact_id,
    person_map.customer_key,
    contacts.campaign_key,
    campaigns.medium as contact_channel,
    contacts.variant,
    contacts.assigned_at,
    contacts.assigned_on,
    contacts.sent_at,
    {{ local_date('contacts.sent_at') }} as sent_on,
    contacts.delivered_at,
    contacts.bounced_at,
    contacts.opened_at,
    contacts.clicked_at,
    contacts.unsubscribed_at,
    contacts.redeemed_at,
    contacts.redemptions,
    contacts.coupon_code,
    case when contacts.sent_at is not null then coalesce(campaigns.cost_per_contact, 0) else 0 end as cost
from contacts
left join campaigns on contacts.campaign_key = campaigns.campaign_key
left join person_map on contacts.record_id = person_map.record_id
