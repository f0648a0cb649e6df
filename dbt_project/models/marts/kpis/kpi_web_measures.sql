with segments as (
    {{ rfm_segments() }}
),

visits as (
    select
        sessions.*,
        {{ month_of('sessions.started_on') }} as month,
        {{ segment_of('sessions.customer_key', 'segments.rfm_segment') }} as segment
    from {{ ref('fct_web_sessions') }} as sessions
    left join segments on sessions.customer_key = segments.customer_key
)

select
    month,
    {{ dimension_columns(['platform', 'segment']) }},
    count(*) as visits,
    count(*) filter (where order_key is not null or purchases > 0) as visits_with_purchase,
    {{ ratio('sum(duration_seconds)', 60) }} as minutes_on_site,
    {{ ratio('sum(duration_seconds)', 3600) }} as hours_on_site
from visits
group by {{ each_dimension(['platform', 'segment']) }}
