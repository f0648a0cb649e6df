-- What surveys say, overall, by the contact channel that they are about, and by the segment that people are in on the
-- as-of date. A share of answers has the interval of Wilson (1927), the net promoter score that of Bonett and Price
-- (2012) for a difference of two shares of the same answers: both hold where few answered, or all alike.

{%- set z = 1.959964 %}

with responses as (
    select * from {{ ref('fct_survey_responses') }}
    where is_in_scale and (kind <> 'nps' or nps_group is not null)
),

orders as (
    select order_key, sales_channel from {{ ref('fct_orders') }}
),

tickets as (
    select ticket_key, contact_channel from {{ ref('fct_support_tickets') }}
),

rfm as (
    {{ rfm_segments() }}
),

answers as (
    select
        responses.kind,
        responses.customer_key,
        {{ month_of('responses.answered_on') }} as month,
        responses.score_share,
        -- Answers of one cell are too few, or too alike, to tell how far answers lie apart.
        stddev_samp(cast(responses.score_share as decimal(18, 12))) over (partition by responses.kind) as spread,
        responses.nps_group,
        responses.score_share >= 0.75 as is_satisfied,
        coalesce(orders.sales_channel, tickets.contact_channel, 'unknown') as contact_channel,
        {{ segment_of('responses.customer_key', 'rfm.rfm_segment') }} as segment
    from responses
    left join orders on responses.order_key = orders.order_key
    left join tickets on responses.ticket_key = tickets.ticket_key
    left join rfm on responses.customer_key = rfm.customer_key
),

cut as (
    select 'all' as dimension, 'all' as dimension_value, * from answers
    union all
    select 'contact_channel' as dimension, contact_channel as dimension_value, * from answers
    union all
    select 'segment' as dimension, segment as dimension_value, * from answers
),

counted as (
    select
        month,
        kind,
        dimension,
        dimension_value,
        cast(count(*) as double) as answers,
        count(distinct customer_key) as people,
        {{ ratio('sum(cast(score_share as decimal(18, 12)))', 'count(*)') }} as mean_share,
        max(spread) as spread,
        {{ ratio('count(*) filter (where is_satisfied)', 'count(*)') }} as satisfied_share,
        {{ ratio("count(*) filter (where nps_group = 'promoter')", 'count(nps_group)') }} as promoter_share,
        {{ ratio("count(*) filter (where nps_group = 'detractor')", 'count(nps_group)') }} as detractor_share,
        -- One answer more of each kind keeps the interval of the difference from shrinking to a point.
        {{ ratio("count(*) filter (where nps_group = 'promoter') + 1", 'count(*) + 2') }} as likely_promoters,
        {{ ratio("count(*) filter (where nps_group = 'detractor') + 1", 'count(*) + 2') }} as likely_detractors
    from cut
    group by month, kind, dimension, dimension_value
),

-- The score, the middle of its interval and half of its width; first as a share, then in the points of the kind.
bounded as (
    select
        *,
        case kind
            when 'nps' then promoter_share - detractor_share
            when 'csat' then satisfied_share
            when 'ces' then mean_share
        end as score,
        case kind
            when 'nps' then likely_promoters - likely_detractors
            when 'csat' then {{ ratio(
                'satisfied_share + ' ~ ratio(z * z / 2, 'answers'), '1 + ' ~ ratio(z * z, 'answers')
            ) }}
            when 'ces' then mean_share
        end as middle,
        case kind
            when 'nps'
                then {{ z }} * sqrt({{ ratio(
                    'likely_promoters + likely_detractors - power(likely_promoters - likely_detractors, 2)',
                    'answers + 2'
                ) }})
            when 'csat'
                then {{ ratio(
                    z ~ ' * sqrt(' ~ ratio(
                        'satisfied_share * (1 - satisfied_share) + ' ~ ratio(z * z / 4, 'answers'), 'answers'
                    ) ~ ')',
                    '1 + ' ~ ratio(z * z, 'answers')
                ) }}
            when 'ces' then coalesce({{ ratio(z ~ ' * spread', 'sqrt(answers)') }}, 1)
        end as half_width,
        case kind when 'nps' then -1 else 0 end as minimum,
        case kind when 'nps' then 100 when 'csat' then 1 when 'ces' then 6 end as points,
        case kind when 'ces' then 1 else 0 end as lowest_points
    from counted
)

select
    month,
    kind,
    dimension,
    dimension_value,
    {{ month_end('month') }} <= {{ as_of_date() }} as is_complete,
    cast(answers as bigint) as answers,
    people,
    round(lowest_points + points * score, 9) as score,
    round(lowest_points + points * greatest(middle - half_width, minimum), 4) as score_lower,
    round(lowest_points + points * least(middle + half_width, 1), 4) as score_upper,
    promoter_share,
    detractor_share,
    mean_share
from bounded
