-- What campaigns brought beyond their control groups. Without a group that was held out nothing is known of it.

with campaigns as (
    select * from {{ ref('campaign_performance') }}
),

drawn as (
    select campaign_key, first_assigned_on from {{ ref('experiment_results') }}
),

returns as (
    select
        {{ month_of('coalesce(campaigns.starts_on, drawn.first_assigned_on)') }} as month,
        coalesce(campaigns.medium, 'unknown') as medium,
        campaigns.cost,
        campaigns.incremental_margin - campaigns.cost as campaign_return
    from campaigns
    inner join drawn on campaigns.campaign_key = drawn.campaign_key
    where campaigns.roi is not null
)

select
    month,
    {{ dimension_columns(['medium']) }},
    {{ to_money('sum(campaign_return)') }} as campaign_return,
    {{ to_money('sum(cost)') }} as measured_campaign_cost
from returns
group by {{ each_dimension(['medium']) }}
