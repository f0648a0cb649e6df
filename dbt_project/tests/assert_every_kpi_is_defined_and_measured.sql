{{ config(meta={'dagster': {'ref': {'name': 'kpi_scorecard'}}}) }}

with months as (
    select count(distinct month) as months from {{ ref('time_spine') }}
),

measured as (
    select kpi, count(*) as months from {{ ref('kpi_scorecard') }} where dimension = 'all' group by kpi
)

select coalesce(definitions.kpi, measured.kpi) as kpi, measured.months
from {{ ref('kpi_definitions') }} as definitions
full outer join measured on definitions.kpi = measured.kpi
cross join months
where definitions.kpi is null or coalesce(measured.months, 0) <> months.months
