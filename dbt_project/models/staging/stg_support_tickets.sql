with tickets as (
    select
        *,
        {{ filled('customer_id') }} as clean_customer_id,
        {{ filled('email') }} as clean_email,
        {{ filled('phone') }} as clean_phone,
        {{ filled('order_id') }} as clean_order_id,
        {%- for event in ['first_response', 'resolved', 'reopened'] %}
        {{ known_time(event ~ '_at') }} as known_{{ event }}_at,
        {%- endfor %}
        coalesce(greatest(resolved_at, reopened_at) >= {{ end_of_as_of_day() }}, false) as goes_on
    from ({{ latest_rows(source('raw', 'support_tickets'), 'ticket_id', 'opened_at') }}) as latest
),

judged as (
    select
        *,
        known_resolved_at is not null
        and (known_reopened_at is null or known_reopened_at <= known_resolved_at) as is_resolved
    from tickets
)

select
    {{ surrogate_key(['_system', 'ticket_id']) }} as ticket_key,
    _system as system,
    ticket_id,
    {{ record_id('_system', 'clean_customer_id', 'null', 'clean_email', 'clean_phone') }} as record_id,
    clean_email as email,
    clean_phone as phone,
    case when clean_order_id is not null then {{ surrogate_key(['_system', 'clean_order_id']) }} end as order_key,
    contact_channel,
    lower({{ filled('category') }}) as category,
    priority,
    -- A status tells of the day of its delivery: where the ticket went on after the as-of date, its times decide.
    case
        when not goes_on and status is not null then status
        when is_resolved then 'solved'
        else 'open'
    end as status,
    opened_at,
    {{ local_date('opened_at') }} as opened_on,
    known_first_response_at as first_response_at,
    case when is_resolved then known_resolved_at end as resolved_at,
    known_reopened_at as reopened_at,
    -- Of several reopenings only the last is dated: one that is not known yet is taken off the count.
    case
        when reopened_at is null then coalesce(reopen_count, 0)
        when known_reopened_at is null then greatest(coalesce(reopen_count, 1) - 1, 0)
        else greatest(coalesce(reopen_count, 1), 1)
    end as reopen_count,
    case
        when known_first_response_at >= opened_at
            then {{ minutes_between('opened_at', 'known_first_response_at') }}
    end as first_response_minutes,
    case
        when is_resolved and known_resolved_at >= opened_at
            then {{ minutes_between('opened_at', 'known_resolved_at') }}
    end as resolution_minutes,
    case
        when coalesce(satisfaction_at, resolved_at, opened_at) < {{ end_of_as_of_day() }} then satisfaction
    end as satisfaction,
    {{ known_time('satisfaction_at') }} as satisfaction_at,
    {{ filled('subject_line') }} as subject_line,
    {{ filled('body') }} as body,
    _first_delivery as first_delivery
from judged
