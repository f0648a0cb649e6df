{{ config(meta={'dagster': {'ref': {'name': 'kpi_scorecard'}}}) }}

-- Each row of a fact has one value of each dimension, if only `unknown`: their sums lose nothing.

with scorecard as (
    select * from {{ ref('kpi_scorecard') }} where kind = 'sum'
),

whole as (
    select kpi, month, coalesce(value, 0) as value from scorecard where dimension = 'all'
),

parts as (
    select kpi, dimension, month, sum(value) as value from scorecard where dimension <> 'all' group by all
)

select whole.kpi, parts.dimension, whole.month, whole.value, parts.value as sum_of_parts
from whole
inner join parts on whole.kpi = parts.kpi and whole.month = parts.month
where round(whole.value, 4) <> round(parts.value, 4)
