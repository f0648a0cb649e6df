with responses as (
    select * from {{ ref('stg_survey_responses') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
)

select
    responses.response_key,
    responses.system,
    responses.response_id,
    person_map.customer_key,
    responses.order_key,
    responses.ticket_key,
    responses.kind,
    responses.score,
    responses.scale_minimum,
    responses.scale_maximum,
    responses.is_in_scale,
    responses.score_share,
    responses.nps_group,
    responses.answered_at,
    responses.answered_on,
    responses.comment
from responses
left join person_map on responses.record_id = person_map.record_id
