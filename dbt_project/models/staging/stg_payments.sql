-- Payments as known on the as-of date, in the business currency. One without a time of its own is as old as its order.

with orders as (
    select * from {{ ref('stg_order_headers') }}
),

known as (
    select
        payments.*,
        orders.order_key,
        coalesce(payments.paid_at, orders.ordered_at) as known_at,
        coalesce(payments.currency, orders.currency, '{{ var("currency") }}') as known_currency,
        coalesce(orders.ordered_on, {{ local_date('payments.paid_at') }}) as rate_day,
        case when payments.amount < 0 then 'refund' else coalesce(payments.kind, 'payment') end as direction,
        coalesce(payments.status, 'paid') as outcome
    from {{ source('raw', 'payments') }} as payments
    left join orders on payments._system = orders.system and payments.order_id = orders.order_id
    where coalesce(payments.paid_at, orders.ordered_at) < {{ end_of_as_of_day() }}
),

told as (
    select
        *,
        row_number() over (
            partition by _system, order_id, payment_id, payment_number, direction
            order by _delivery desc, _line desc
        ) as recency
    from known
),

-- Of a payment that is told again the last row counts; without id and number each row is a payment of its own.
latest as (
    select * from told where recency = 1 or (payment_id is null and payment_number is null)
),

-- At the rate of the order's day, so that an order that is paid owes nothing.
rated as (
    select latest.*, {{ exchange_rate('latest.known_currency') }} as rate
    from latest
    {{ join_exchange_rates('latest.known_currency', 'latest.rate_day') }}
),

valued as (
    select
        *,
        -- The place among rows that nothing else tells apart, not within the file: keys stay however files are cut.
        row_number() over (
            partition by _system, order_id, payment_id, payment_number, direction
            order by _source nulls last, _delivery nulls last, _line nulls last
        ) as place,
        case when outcome in ('paid', 'refunded') then {{ to_money('abs(amount) * rate') }} else 0 end as moved,
        case
            when direction = 'refund' or refunded_at >= {{ end_of_as_of_day() }} then 0
            when refunded_amount is not null then {{ to_money('refunded_amount * rate') }}
            when outcome = 'refunded' then {{ to_money('abs(amount) * rate') }}
            else 0
        end as given_back
    from rated
),

counted as (
    select
        *,
        case direction when 'payment' then moved else 0 end as paid,
        case when direction = 'refund' then moved when outcome in ('paid', 'refunded') then given_back else 0 end
            as repaid
    from valued
)

select
    {{ surrogate_key(['_system', 'order_id', 'payment_id', 'payment_number', 'direction']) }} + place as payment_key,
    _system as system,
    coalesce(
        {{ filled('payment_id') }}, order_id || '-' || cast(coalesce(payment_number, place) as string)
    ) as payment_id,
    order_id,
    order_key,
    lower(replace(replace({{ filled('method') }}, ' ', '_'), '-', '_')) as method,
    direction as kind,
    outcome as status,
    nullif(instalments, 0) as instalments,
    known_currency as currency,
    known_at as paid_at,
    {{ local_date('known_at') }} as paid_on,
    cast(paid as decimal(18, 2)) as paid_amount,
    cast(repaid as decimal(18, 2)) as repaid_amount,
    case
        when repaid > 0 and direction = 'refund' then known_at
        when repaid > 0 then coalesce({{ known_time('refunded_at') }}, known_at)
    end as repaid_at,
    cast(paid - repaid as decimal(18, 2)) as net_amount,
    _first_delivery as first_delivery
from counted
