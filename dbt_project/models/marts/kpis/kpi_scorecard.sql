with definitions as (
    select * from {{ ref('kpi_definitions') }}
),

measures as (
    select * from {{ ref('kpi_measures') }}
),

months as (
    select distinct month, is_complete from {{ ref('time_spine') }}
),

-- Before the first row of a channel nothing is known of it; from then on a month without rows is a month with none.
first_months as (
    select measure, min(month) as month from measures where dimension = 'all' group by measure
),

cells as (
    select months.month, 'all' as dimension, 'all' as dimension_value, definitions.kpi
    from months
    cross join definitions
    union distinct
    select measures.month, measures.dimension, measures.dimension_value, definitions.kpi
    from measures
    inner join definitions
        on
            measures.measure in (definitions.numerator, definitions.denominator)
            and (
                measures.dimension = definitions.split_by
                or (measures.dimension = 'segment' and definitions.by_segment)
            )
    inner join first_months
        on definitions.numerator = first_months.measure and measures.month >= first_months.month
),

measured as (
    select
        cells.*,
        months.is_complete,
        definitions.kpi_group,
        definitions.unit,
        definitions.direction,
        definitions.kind,
        {{ kpi_target('definitions.kpi') }} as target,
        case
            when definitions.kind = 'stock' or cells.month < first_months.month then numerators.value
            when first_months.month is not null then coalesce(numerators.value, 0)
        end as numerator,
        case when definitions.kind = 'ratio' then denominators.value end as denominator
    from cells
    inner join months on cells.month = months.month
    inner join definitions on cells.kpi = definitions.kpi
    left join first_months on definitions.numerator = first_months.measure
    left join measures as numerators
        on
            cells.month = numerators.month
            and cells.dimension = numerators.dimension
            and cells.dimension_value = numerators.dimension_value
            and definitions.numerator = numerators.measure
    left join measures as denominators
        on
            cells.month = denominators.month
            and cells.dimension = denominators.dimension
            and cells.dimension_value = denominators.dimension_value
            and definitions.denominator = denominators.measure
),

valued as (
    select
        *,
        case when kind = 'ratio' then {{ ratio('numerator', 'denominator') }} else numerator end as value
    from measured
),

compared as (
    select
        *,
        case
            when lag(month) over months_of_kpi = {{ add_months('month', -1) }} then lag(value) over months_of_kpi
        end as previous_value
    from valued
    window months_of_kpi as (partition by kpi, dimension, dimension_value order by month nulls last)
)

select
    month,
    is_complete,
    dimension,
    dimension_value,
    kpi,
    kpi_group,
    unit,
    direction,
    kind,
    value,
    target,
    previous_value,
    {{ ratio('value - previous_value', 'abs(previous_value)') }} as trend,
    case
        when value is null then 'no_data'
        when target is null then 'no_target'
        when direction = 'up' and value >= target then 'on_target'
        when direction = 'down' and value <= target then 'on_target'
        else 'off_target'
    end as status,
    case when kind = 'ratio' then numerator end as numerator,
    denominator
from compared
