-- What advertising and campaigns cost, by what they are for, and what is left of the margin after it and after service.

with campaigns as (
    select
        *,
        coalesce(objective in ('acquisition', 'prospecting', 'new customers'), false) as is_acquisition
    from {{ ref('dim_campaigns') }}
),

spend as (
    select {{ month_of('spend_date') }} as month, true as is_acquisition, sum(spend) as cost
    from {{ ref('fct_ad_spend') }}
    group by {{ month_of('spend_date') }}
    union all
    select {{ month_of('starts_on') }} as month, is_acquisition, sum(cost) as cost
    from campaigns
    where starts_on is not null and cost is not null
    group by {{ month_of('starts_on') }}, is_acquisition
    union all
    select {{ month_of('contacts.sent_on') }} as month, campaigns.is_acquisition, sum(contacts.cost) as cost
    from {{ ref('fct_campaign_contacts') }} as contacts
    inner join campaigns on contacts.campaign_key = campaigns.campaign_key
    where contacts.sent_on is not null
    group by {{ month_of('contacts.sent_on') }}, campaigns.is_acquisition
),

marketing as (
    select
        month,
        {{ to_money('sum(cost)') }} as marketing_cost,
        {{ to_money('sum(cost) filter (where is_acquisition)') }} as acquisition_cost,
        {{ to_money('sum(cost) filter (where not is_acquisition)') }} as retention_cost
    from spend
    group by month
),

service as (
    select month, service_cost
    from {{ ref('kpi_service_measures') }}
    where dimension = 'all' and service_cost is not null
),

known_months as (
    select month from marketing
    union distinct
    select month from service
),

first_known as (
    select min(month) as month from known_months
),

margins as (
    select month, gross_margin from {{ ref('kpi_order_measures') }} where dimension = 'all'
),

months as (
    select distinct month from {{ ref('time_spine') }}
)

select
    months.month,
    'all' as dimension,
    'all' as dimension_value,
    marketing.marketing_cost,
    marketing.acquisition_cost,
    marketing.retention_cost,
    case
        when months.month >= first_known.month
            then cast(
                coalesce(margins.gross_margin, 0) - coalesce(marketing.marketing_cost, 0)
                - coalesce(service.service_cost, 0) as decimal(18, 2)
            )
    end as profit_contribution
from months
cross join first_known
left join marketing on months.month = marketing.month
left join service on months.month = service.month
left join margins on months.month = margins.month
