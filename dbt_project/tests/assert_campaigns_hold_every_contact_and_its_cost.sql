{{ config(meta={'dagster': {'ref': {'name': 'campaign_performance'}}}) }}

-- Nothing that was sent, and no cent of it, is lost or counted twice between the contacts and the campaigns.
with contacts as (
    select
        count(sent_at) as sent,
        count(opened_at) as opened
    from {{ ref('fct_campaign_contacts') }}
),

costs as (
    select coalesce(sum(contact_cost), 0) as contact_cost
    from (
        select {{ to_money('sum(cost)') }} as contact_cost from {{ ref('fct_campaign_contacts') }} group by campaign_key
    ) as campaigns
),

spend as (
    select coalesce(sum(spend), 0) as spend from {{ ref('fct_ad_spend') }} where campaign_key is not null
),

campaigns as (
    select
        coalesce(sum(sent), 0) as sent,
        coalesce(sum(opened), 0) as opened,
        coalesce(sum(contact_cost), 0) as contact_cost,
        coalesce(sum(ad_spend), 0) as ad_spend
    from {{ ref('campaign_performance') }}
),

all_spend as (
    select coalesce(sum(spend), 0) as spend from {{ ref('fct_ad_spend') }}
)

select campaigns.*, contacts.sent as sent_in_contacts, costs.contact_cost as cost_of_contacts
from campaigns
cross join contacts
cross join costs
cross join spend
cross join all_spend
where
    campaigns.sent <> contacts.sent
    or campaigns.opened <> contacts.opened
    or campaigns.contact_cost <> costs.contact_cost
    or campaigns.ad_spend < spend.spend
    or campaigns.ad_spend > all_spend.spend
