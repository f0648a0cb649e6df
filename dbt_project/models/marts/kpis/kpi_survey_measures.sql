with segments as (
    {{ rfm_segments() }}
),

-- Answers off their scale count in no figure, nor do answers to the recommendation question on another scale than 0-10.
responses as (
    select
        responses.*,
        {{ month_of('responses.answered_on') }} as month,
        {{ segment_of('responses.customer_key', 'segments.rfm_segment') }} as segment
    from {{ ref('fct_survey_responses') }} as responses
    left join segments on responses.customer_key = segments.customer_key
    where responses.is_in_scale
)

select
    month,
    {{ dimension_columns(['segment']) }},
    count(*) filter (where kind = 'csat') as csat_answers,
    count(*) filter (where kind = 'csat' and score_share >= 0.75) as satisfied_answers,
    count(nps_group) as nps_answers,
    count(*) filter (where nps_group = 'promoter') as promoters,
    100 * (count(*) filter (where nps_group = 'promoter') - count(*) filter (where nps_group = 'detractor'))
        as nps_points,
    count(*) filter (where kind = 'ces') as ces_answers,
    coalesce(sum(cast(1 + 6 * score_share as decimal(18, 12))) filter (where kind = 'ces'), 0) as effort_points
from responses
group by {{ each_dimension(['segment']) }}
