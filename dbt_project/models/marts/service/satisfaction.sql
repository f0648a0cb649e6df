-- What surveys say, overall, by the channel that they are about, and by the segment that people are in on the as-of
-- date. A share of answers has the interval of Wilson (1927), the net promoter score that of Bonett and Price (2012)
-- for a difference of two shares of the same answers: both hold where few answered, or all alike.

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
    select customer_key, rfm_segment from {{ source('scoring', 'rfm') }} where as_of_date = {{ as_of_date() }}
),

answers as (
    select
        responses.kind,
        responses.customer_key,
        {{ month_of('responses.answered_on') }} as month,
        responses.score_share,
        responses.nps_group,
        -- Top answers: 9-10 of 0-10, 4-5 of 1-5, and 5-7 of 1-7; on other scales what lies as high.
        case responses.kind
            when 'nps' then responses.nps_group = 'promoter'
            when 'csat'
                then
                    4 * (responses.score - responses.scale_minimum)
                    >= 3 * (responses.scale_maximum - responses.scale_minimum)
            else
                3 * (responses.score - responses.scale_minimum)
                >= 2 * (responses.scale_maximum - responses.scale_minimum)
        end as is_top,
        coalesce(orders.sales_channel, tickets.contact_channel, 'unknown') as channel,
        coalesce(rfm.rfm_segment, 'none') as segment
    from responses
    left join orders on responses.order_key = orders.order_key
    left join tickets on responses.ticket_key = tickets.ticket_key
    left join rfm on responses.customer_key = rfm.customer_key
),

cut as (
    select 'all' as dimension, 'all' as dimension_value, * from answers
    union all
    select 'channel' as dimension, channel as dimension_value, * from answers
    union all
    select 'segment' as dimension, segment as dimension_value, * from answers
),

counted as (
    select
        month,
        kind,
        dimension,
        dimension_value,
        count(*) as answers,
        count(distinct customer_key) as people,
        {{ ratio('sum(cast(score_share as decimal(18, 9)))', 'count(*)') }} as mean_share,
        count(*) filter (where is_top) as top_answers,
        count(*) filter (where nps_group = 'detractor') as detractors
    from cut
    group by month, kind, dimension, dimension_value
),

shared as (
    select
        *,
        {{ ratio('top_answers', 'answers') }} as top_share,
        {{ ratio('detractors', 'answers') }} as detractor_share,
        -- One answer more of each kind keeps the interval of the difference from shrinking to a point.
        {{ ratio('top_answers + 1', 'answers + 2') }} as likely_promoters,
        {{ ratio('detractors + 1', 'answers + 2') }} as likely_detractors
    from counted
),

bounded as (
    select
        *,
        case
            when kind = 'nps' then likely_promoters - likely_detractors
            else (top_share + {{ z * z / 2 }} / answers) / (1 + {{ z * z }} / answers)
        end as middle,
        case
            when kind = 'nps'
                then {{ z }} * sqrt(
                    (likely_promoters + likely_detractors - power(likely_promoters - likely_detractors, 2))
                    / (answers + 2)
                )
            else
                {{ z }} * sqrt((top_share * (1 - top_share) + {{ z * z / 4 }} / answers) / answers)
                / (1 + {{ z * z }} / answers)
        end as half_width
    from shared
)

select
    month,
    kind,
    dimension,
    dimension_value,
    {{ month_end('month') }} <= {{ as_of_date() }} as is_complete,
    answers,
    people,
    case when kind = 'nps' then top_share - detractor_share else top_share end as score,
    round(greatest(middle - half_width, case when kind = 'nps' then -1 else 0 end), 4) as score_lower,
    round(least(middle + half_width, 1), 4) as score_upper,
    case when kind = 'nps' then top_share end as promoter_share,
    case when kind = 'nps' then detractor_share end as detractor_share,
    mean_share
from bounded
