-- What advertising and campaigns cost, by what they are for, and what is left of the margin after it and after service.

with marketing as (
    select
        month,
        {{ to_money('sum(coalesce(ad_spend, 0) + coalesce(campaign_cost, 0))') }} as marketing_cost,
        sum(acquisition_cost) as acquisition_cost,
        {{ to_money('sum(coalesce(ad_spend, 0) + campaign_cost - coalesce(acquisition_cost, 0))') }} as retention_cost
    from {{ ref('medium_costs') }}
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
    cast(marketing.acquisition_cost as decimal(18, 2)) as acquisition_cost,
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
