with reservations as (
    select
        *,
        {{ filled('customer_id') }} as clean_customer_id,
        {{ filled('email') }} as clean_email
    from ({{ latest_rows(source('raw', 'reservations'), 'reservation_id', 'reserved_at') }}) as latest
)

select
    {{ surrogate_key(['_system', 'reservation_id']) }} as reservation_key,
    _system as system,
    reservation_id,
    {{ record_id('_system', 'clean_customer_id', 'null', 'clean_email', 'null') }} as record_id,
    clean_email as email,
    reserved_at,
    {{ local_date('reserved_at') }} as reserved_on,
    {{ known_time('reminded_at') }} as reminded_at,
    guests,
    _first_delivery as first_delivery
from reservations
