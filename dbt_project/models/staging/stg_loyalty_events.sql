with events as (
    select
        *,
        {{ filled('loyalty_id') }} as clean_loyalty_id,
        {{ filled('order_id') }} as clean_order_id
    from ({{ latest_rows(source('raw', 'loyalty_events'), 'event_id', 'occurred_at') }}) as latest
)

select
    {{ surrogate_key(['_system', 'event_id']) }} as loyalty_event_key,
    _system as system,
    event_id,
    {{ record_id('_system', 'null', 'clean_loyalty_id', 'null', 'null') }} as record_id,
    clean_loyalty_id as loyalty_id,
    kind,
    case
        when kind in ('redeem', 'expire') then -abs(coalesce(points, 0))
        when kind = 'adjust' then coalesce(points, 0)
        else abs(coalesce(points, 0))
    end as points,
    lower({{ filled('tier') }}) as tier,
    case when clean_order_id is not null then {{ surrogate_key(['_system', 'clean_order_id']) }} end as order_key,
    occurred_at,
    {{ local_date('occurred_at') }} as occurred_on,
    _first_delivery as first_delivery
from events
