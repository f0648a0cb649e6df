with responses as (
    select
        *,
        {{ filled('customer_id') }} as clean_customer_id,
        {{ filled('email') }} as clean_email,
        {{ filled('phone') }} as clean_phone,
        {{ filled('order_id') }} as clean_order_id,
        {{ filled('ticket_id') }} as clean_ticket_id,
        coalesce({{ filled('scale') }}, case kind when 'nps' then '0-10' when 'csat' then '1-5' else '1-7' end)
            as known_scale
    from ({{ latest_rows(source('raw', 'survey_responses'), 'response_id', 'answered_at') }}) as latest
),

scaled as (
    select
        *,
        cast(split_part(known_scale, '-', 1) as integer) as scale_minimum,
        cast(split_part(known_scale, '-', 2) as integer) as scale_maximum
    from responses
),

judged as (
    select
        *,
        score >= scale_minimum and score <= scale_maximum and scale_minimum < scale_maximum as is_in_scale
    from scaled
)

select
    {{ surrogate_key(['_system', 'response_id']) }} as response_key,
    _system as system,
    response_id,
    {{ record_id('_system', 'clean_customer_id', 'null', 'clean_email', 'clean_phone') }} as record_id,
    clean_email as email,
    clean_phone as phone,
    case when clean_order_id is not null then {{ surrogate_key(['_system', 'clean_order_id']) }} end as order_key,
    case when clean_ticket_id is not null then {{ surrogate_key(['_system', 'clean_ticket_id']) }} end as ticket_key,
    kind,
    score,
    scale_minimum,
    scale_maximum,
    is_in_scale,
    case
        when is_in_scale then {{ ratio('score - scale_minimum', 'scale_maximum - scale_minimum') }}
    end as score_share,
    -- Promoters are defined on eleven points: other scales have no agreed translation.
    case
        when kind <> 'nps' or not is_in_scale or scale_minimum <> 0 or scale_maximum <> 10 then null
        when score >= 9 then 'promoter'
        when score > 6 then 'passive'
        else 'detractor'
    end as nps_group,
    answered_at,
    {{ local_date('answered_at') }} as answered_on,
    {{ filled('comment') }} as comment,
    _first_delivery as first_delivery
from judged
