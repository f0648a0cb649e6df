with segments as (
    {{ rfm_segments() }}
),

referrals as (
    select * from {{ ref('fct_referrals') }}
),

invited as (
    select referred_customer_key as customer_key, min(invited_on) as invited_on
    from referrals
    where referred_customer_key is not null
    group by referred_customer_key
),

-- Who had been invited before the first order came by the referral.
arrivals as (
    select
        invited.customer_key,
        min(orders.ordered_on) as first_order_on
    from invited
    inner join {{ ref('fct_orders') }} as orders on invited.customer_key = orders.customer_key
    where orders.is_counted
    group by invited.customer_key, invited.invited_on
    having min(orders.ordered_on) >= invited.invited_on
),

events as (
    select
        referrer_customer_key as customer_key,
        invited_on as happened_on,
        1 as invitations,
        case when accepted_on is not null then 1 else 0 end as accepted,
        0 as arrived
    from referrals
    union all
    select customer_key, first_order_on as happened_on, 0 as invitations, 0 as accepted, 1 as arrived
    from arrivals
),

segment_events as (
    select
        events.*,
        {{ month_of('events.happened_on') }} as month,
        {{ segment_of('events.customer_key', 'segments.rfm_segment') }} as segment
    from events
    left join segments on events.customer_key = segments.customer_key
)

select
    month,
    {{ dimension_columns(['segment']) }},
    cast(sum(invitations) as bigint) as invitations,
    cast(sum(accepted) as bigint) as accepted_invitations,
    cast(sum(arrived) as bigint) as referred_new_customers
from segment_events
group by {{ each_dimension(['segment']) }}
