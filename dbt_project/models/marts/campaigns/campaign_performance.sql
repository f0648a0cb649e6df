{%- set events = ['delivered', 'bounced', 'opened', 'clicked', 'unsubscribed'] %}

with campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

contacts as (
    select * from {{ ref('fct_campaign_contacts') }}
),

responses as (
    select * from {{ ref('campaign_responses') }}
),

costs as (
    select * from {{ ref('campaign_costs') }}
),

experiments as (
    select
        campaign_key,
        {%- for bound in ['', '_lower', '_upper'] %}
        coalesce(margin_cuped_effect{{ bound }}, margin_effect{{ bound }}) as effect{{ bound }},
        {%- endfor %}
        people_treated,
        status,
        sample_ratio_p
    from {{ source('scoring', 'experiment_results') }}
    where as_of_date = {{ as_of_date() }}
),

counted as (
    select
        campaign_key,
        system,
        contact_channel,
        count(distinct customer_key) filter (where sent_at is not null) as people_contacted,
        count(sent_at) as sent,
        {%- for event in events %}
        count({{ event }}_at) as {{ event }},
        {%- endfor %}
        count(sent_at) filter (where variant = 'control') > 0 as is_control_contacted
    from contacts
    group by campaign_key, system, contact_channel
),

-- What a system has recorded of no contact over a contact channel, it does not see: that is unknown, not none.
reached as (
    select
        campaign_key,
        people_contacted,
        sent,
        is_control_contacted,
        {%- for event in events %}
        case when sum({{ event }}) over (partition by system, contact_channel) > 0 then {{ event }} end as {{ event }},
        {%- endfor %}
        coalesce(nullif(delivered, 0), sent) as arrived
    from counted
)

select
    campaigns.campaign_key,
    {{ as_of_date() }} as as_of_date,
    campaigns.campaign_id,
    campaigns.campaign_name,
    campaigns.medium,
    campaigns.objective,
    campaigns.starts_on,
    campaigns.ends_on,
    reached.people_contacted,
    reached.sent,
    {%- for event in events %}
    reached.{{ event }},
    {%- endfor %}
    {{ ratio('reached.delivered', 'reached.sent') }} as delivery_rate,
    {{ ratio('reached.bounced', 'reached.sent') }} as bounce_rate,
    {{ ratio('reached.opened', 'reached.arrived') }} as open_rate,
    {{ ratio('reached.clicked', 'reached.arrived') }} as click_rate,
    {{ ratio('reached.unsubscribed', 'reached.arrived') }} as unsubscribe_rate,
    responses.responses_end_on,
    responses.is_complete as has_all_responses,
    responses.responders,
    {{ ratio('responses.responders', 'reached.people_contacted') }} as response_rate,
    responses.orders as response_orders,
    responses.revenue as response_revenue,
    responses.redeemers,
    {{ ratio('responses.redeemers', 'reached.people_contacted') }} as redemption_rate,
    responses.redemptions,
    costs.fixed_cost,
    costs.contact_cost,
    costs.ad_spend,
    costs.cost,
    {%- for bound in ['', '_lower', '_upper'] %}
    {{ to_money('experiments.people_treated * experiments.effect' ~ bound) }} as incremental_margin{{ bound }},
    {%- endfor %}
    -- Of two variants that are both contacted nobody knows what contacting brings.
    {%- for bound in ['', '_lower', '_upper'] %}
    {%- set margin = 'experiments.people_treated * experiments.effect' ~ bound %}
    case
        when not reached.is_control_contacted
            then {{ ratio('(' ~ margin ~ ' - costs.cost)', 'costs.cost') }}
    end as roi{{ bound }},
    {%- endfor %}
    experiments.status as experiment_status,
    experiments.sample_ratio_p
from campaigns
inner join costs on campaigns.campaign_key = costs.campaign_key
left join reached on campaigns.campaign_key = reached.campaign_key
left join responses on campaigns.campaign_key = responses.campaign_key
left join experiments on campaigns.campaign_key = experiments.campaign_key
