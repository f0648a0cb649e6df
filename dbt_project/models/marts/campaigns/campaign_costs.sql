with campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

contacts as (
    select * from {{ ref('fct_campaign_contacts') }}
),

spend as (
    select * from {{ ref('fct_ad_spend') }}
),

-- Spend belongs to the campaign that it names by id, else to the one of that name that ran on the day.
matched as (
    select campaigns.campaign_key, spend.spend
    from spend
    inner join campaigns
        on
            lower(spend.campaign_name) = lower(campaigns.campaign_name)
            and spend.spend_on >= coalesce(campaigns.starts_on, spend.spend_on)
            and spend.spend_on <= coalesce(campaigns.ends_on, spend.spend_on)
    where spend.campaign_key is null
    qualify row_number() over (
        partition by spend.spend_key order by campaigns.starts_on desc nulls last, campaigns.campaign_key asc nulls last
    ) = 1
),

booked as (
    select campaign_key, sum(spend) as ad_spend
    from (
        select campaign_key, spend from spend where campaign_key is not null
        union all
        select campaign_key, spend from matched
    ) as named
    group by campaign_key
),

contacted as (
    select campaign_key, sum(cost) as contact_cost from contacts group by campaign_key
),

told as (
    select
        campaigns.campaign_key,
        campaigns.cost as fixed_cost,
        case when campaigns.cost_per_contact is not null then {{ to_money('contacted.contact_cost') }} end
            as contact_cost,
        {{ to_money('booked.ad_spend') }} as ad_spend
    from campaigns
    left join contacted on campaigns.campaign_key = contacted.campaign_key
    left join booked on campaigns.campaign_key = booked.campaign_key
)

select
    campaign_key,
    fixed_cost,
    contact_cost,
    ad_spend,
    -- A campaign of which no cost is told was not for nothing.
    case
        when coalesce(fixed_cost, contact_cost, ad_spend) is not null
            then {{ to_money('coalesce(fixed_cost, 0) + coalesce(contact_cost, 0) + coalesce(ad_spend, 0)') }}
    end as cost
from told
