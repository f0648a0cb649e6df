-- The programme month by month, by the tier in which members stood at the month's end. Nobody moves without an event:
-- members and balances of a month are those of the month before and what moved since.

with events as (
    select
        *,
        {{ month_of('occurred_on') }} as month,
        row_number() over (
            partition by customer_key order by occurred_at nulls last, loyalty_event_key nulls last
        ) as event_number
    from {{ ref('fct_loyalty_events') }}
    where customer_key is not null
),

member_months as (
    select
        customer_key,
        month,
        max_by(tier, event_number) filter (where tier is not null) as tier,
        count(*) filter (where kind in ('earn', 'redeem')) > 0 as is_active,
        sum(points) as points,
        {%- for kind in ['earn', 'redeem', 'expire', 'adjust'] %}
        sum(points) filter (where kind = '{{ kind }}') as points_{{ kind }},
        {%- endfor %}
        row_number() over (partition by customer_key order by month nulls last) = 1 as is_new
    from events
    group by customer_key, month
),

balances as (
    select
        *,
        coalesce({{ last_given('tier', 'so_far') }}, 'none') as month_tier,
        sum(points) over so_far as balance
    from member_months
    window so_far as (
        partition by customer_key order by month nulls last rows between unbounded preceding and current row
    )
),

states as (
    select
        *,
        lag(month_tier) over (partition by customer_key order by month nulls last) as tier_before
    from balances
),

-- Who was in a tier leaves it with the balance brought along, and enters that of the month with the new balance.
shifts as (
    select month, month_tier as tier, 1 as members, balance as points from states
    union all
    select month, tier_before as tier, -1 as members, -(balance - points) as points
    from states
    where not is_new
),

shifted as (
    select month, tier, sum(members) as members, sum(points) as points from shifts group by month, tier
),

-- Points are used in the order in which they came: each point's lag is the time from earning to redeeming it.
credits as (
    select
        customer_key,
        occurred_on,
        sum(points) over (partition by customer_key order by event_number nulls last) - points as first_point,
        sum(points) over (partition by customer_key order by event_number nulls last) as last_point
    from events
    where points > 0
),

debits as (
    select
        customer_key,
        kind,
        occurred_on,
        month,
        -sum(points) over (partition by customer_key order by event_number nulls last) + points as first_point,
        -sum(points) over (partition by customer_key order by event_number nulls last) as last_point
    from events
    where points < 0
),

used as (
    select
        debits.customer_key,
        debits.month,
        least(credits.last_point, debits.last_point) - greatest(credits.first_point, debits.first_point) as points,
        {{ days_between('credits.occurred_on', 'debits.occurred_on') }} as days
    from debits
    inner join credits
        on
            debits.customer_key = credits.customer_key
            and debits.first_point < credits.last_point
            and debits.last_point > credits.first_point
            and debits.occurred_on >= credits.occurred_on
    where debits.kind = 'redeem'
),

lags as (
    select customer_key, month, sum(points) as points_used, sum(points * days) as point_days
    from used
    group by customer_key, month
),

moved as (
    select
        states.month,
        states.month_tier as tier,
        count(*) filter (where states.is_new) as new_members,
        count(*) filter (where states.is_active) as active_members,
        sum(states.points_earn) as points_earned,
        -sum(states.points_redeem) as points_redeemed,
        -sum(states.points_expire) as points_expired,
        sum(states.points_adjust) as points_adjusted,
        sum(lags.points_used) as points_used,
        sum(lags.point_days) as point_days
    from states
    left join lags on states.customer_key = lags.customer_key and states.month = lags.month
    group by states.month, states.month_tier
),

months as (
    {{ months_since(ref('fct_loyalty_events'), 'occurred_on') }}
),

tiers as (
    select tier, min(month) as first_month from shifted group by tier
)

select
    months.month,
    tiers.tier,
    months.is_complete,
    cast(sum(coalesce(shifted.members, 0)) over tier_so_far as bigint) as members,
    coalesce(moved.new_members, 0) as new_members,
    coalesce(moved.active_members, 0) as active_members,
    {%- for kind in ['earned', 'redeemed', 'expired', 'adjusted'] %}
    cast(coalesce(moved.points_{{ kind }}, 0) as decimal(18, 2)) as points_{{ kind }},
    {%- endfor %}
    cast(sum(coalesce(shifted.points, 0)) over tier_so_far as decimal(18, 2)) as points_outstanding,
    {{ points_value('sum(coalesce(shifted.points, 0)) over tier_so_far') }} as points_liability,
    {{ ratio('moved.points_redeemed', 'moved.points_earned') }} as burn_rate,
    {{ ratio('moved.points_expired', 'moved.points_earned') }} as breakage_rate,
    {{ ratio('moved.point_days', 'moved.points_used') }} as redemption_lag_days
from tiers
inner join months on tiers.first_month <= months.month
left join shifted on months.month = shifted.month and tiers.tier = shifted.tier
left join moved on months.month = moved.month and tiers.tier = moved.tier
window tier_so_far as (partition by tiers.tier order by months.month nulls last)
