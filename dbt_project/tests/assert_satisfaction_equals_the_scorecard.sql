{{ config(meta={'dagster': {'ref': {'name': 'satisfaction'}}}) }}

-- NPS, CSAT and CES are the same figures here and on the scorecard, over all people and by segment.
with scorecard as (
    select
        month,
        dimension,
        dimension_value,
        value,
        case kpi
            when 'net_promoter_score' then 'nps'
            when 'customer_satisfaction' then 'csat'
            else 'ces'
        end as kind
    from {{ ref('kpi_scorecard') }}
    where
        kpi in ('net_promoter_score', 'customer_satisfaction', 'customer_effort_score')
        and value is not null and dimension in ('all', 'segment')
),

satisfaction as (
    select * from {{ ref('satisfaction') }} where dimension in ('all', 'segment')
)

select
    coalesce(satisfaction.month, scorecard.month) as month,
    coalesce(satisfaction.kind, scorecard.kind) as kind,
    coalesce(satisfaction.dimension_value, scorecard.dimension_value) as dimension_value,
    satisfaction.score,
    scorecard.value
from satisfaction
full outer join scorecard
    on
        satisfaction.month = scorecard.month
        and satisfaction.kind = scorecard.kind
        and satisfaction.dimension = scorecard.dimension
        and satisfaction.dimension_value = scorecard.dimension_value
where coalesce(abs(satisfaction.score - scorecard.value) > 1e-6, true)
