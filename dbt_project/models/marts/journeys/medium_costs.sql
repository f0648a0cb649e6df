-- What was spent on marketing, and what of it counts as winning customers: an ad cannot tell whether it reaches
-- somebody new, so all ad spend does; a campaign's costs do where that is its objective.

with ad_spend as (
    select * from {{ ref('fct_ad_spend') }}
),

campaigns as (
    select
        *,
        coalesce(objective in ('acquisition', 'prospecting', 'new customers'), false) as is_acquisition
    from {{ ref('dim_campaigns') }}
),

contacts as (
    select * from {{ ref('fct_campaign_contacts') }} where cost <> 0
),

campaign_costs as (
    select
        starts_on as spent_on,
        medium,
        is_acquisition,
        cost
    from campaigns
    where cost <> 0 and starts_on <= {{ as_of_date() }}
    union all
    select
        contacts.sent_on as spent_on,
        campaigns.medium,
        campaigns.is_acquisition,
        contacts.cost
    from contacts
    inner join campaigns on contacts.campaign_key = campaigns.campaign_key
),

costs as (
    select
        {{ month_of('spend_on') }} as month,
        medium,
        spend as ad_spend,
        null as campaign_cost,
        spend as acquisition_cost
    from ad_spend
    union all
    select
        {{ month_of('spent_on') }} as month,
        coalesce(medium, 'other') as medium,
        null as ad_spend,
        cost as campaign_cost,
        case when is_acquisition then cost end as acquisition_cost
    from campaign_costs
)

select
    month,
    medium,
    {{ to_money('sum(ad_spend)') }} as ad_spend,
    {{ to_money('sum(campaign_cost)') }} as campaign_cost,
    {{ to_money('sum(acquisition_cost)') }} as acquisition_cost
from costs
group by month, medium
