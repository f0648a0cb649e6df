-- Where each person stood in the life of a customer, day by day without a gap. A stage is told by the last order and by
-- the silence since then, so that what holds on a day hangs only on what was known on it.

with people as (
    select customer_key, known_since from {{ ref('dim_customers') }}
),

rhythms as (
    select
        *,
        case
            when order_days = 1 then 'introduction'
            when is_rising then 'growth'
            else 'maturity'
        end as active_stage,
        coalesce(ordered_on <= returned_until, false) as is_reactivated
    from {{ ref('purchase_rhythms') }}
),

first_days as (
    select customer_key, min(ordered_on) as first_order_on from rhythms group by customer_key
),

dawn as (
    select min(known_since) as first_known_on from people
),

-- Of people without any date one may speak from the day on which anybody was first known.
known as (
    select
        people.customer_key,
        coalesce(people.known_since, dawn.first_known_on, {{ as_of_date() }}) as known_since,
        first_days.first_order_on
    from people
    cross join dawn
    left join first_days on people.customer_key = first_days.customer_key
),

beginnings as (
    select customer_key, known_since as valid_from, 'prospect' as stage, first_order_on as ends_on
    from known
    union all
    select
        customer_key,
        ordered_on as valid_from,
        case when is_reactivated then 'reactivated' else active_stage end as stage,
        next_ordered_on as ends_on
    from rhythms
    union all
    select
        customer_key,
        {{ add_days('returned_until', 1) }} as valid_from,
        active_stage as stage,
        next_ordered_on as ends_on
    from rhythms
    where is_reactivated and returned_until < {{ add_days('ordered_on', 'usual_days') }}
    union all
    select
        customer_key,
        {{ add_days('ordered_on', 'usual_days + 1') }} as valid_from,
        'decline' as stage,
        next_ordered_on as ends_on
    from rhythms
    where usual_days < lapse_days
    union all
    select customer_key, churns_on as valid_from, 'churned' as stage, next_ordered_on as ends_on
    from rhythms
),

-- What an order or the as-of date came before did not begin; a stage that only goes on does not begin again.
changes as (
    select customer_key, valid_from, stage
    from beginnings
    where valid_from <= {{ as_of_date() }} and (ends_on is null or valid_from < ends_on)
    qualify stage is distinct from lag(stage) over (partition by customer_key order by valid_from nulls last)
)

select
    customer_key,
    valid_from,
    lead(valid_from) over (partition by customer_key order by valid_from nulls last) as valid_to,
    stage,
    lag(stage) over (partition by customer_key order by valid_from nulls last) as previous_stage
from changes
