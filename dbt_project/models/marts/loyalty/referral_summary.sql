-- What became of the invitations of each month so far.

with referrals as (
    select *, {{ month_of('invited_on') }} as month from {{ ref('fct_referrals') }}
),

orders as (
    select customer_key, is_counted, revenue, margin from {{ ref('fct_orders') }}
),

brought as (
    select customer_key, referrer_customer_key from {{ ref('customer_referrers') }}
),

purchases as (
    select
        brought.customer_key,
        brought.referrer_customer_key,
        count(*) filter (where orders.is_counted) > 0 as has_bought,
        sum(orders.revenue) as revenue,
        sum(orders.margin) as margin
    from brought
    inner join orders on brought.customer_key = orders.customer_key
    group by brought.customer_key, brought.referrer_customer_key
),

-- Of several accepted invitations of one person by the same referrer, the first brought them.
first_accepted as (
    select referral_key
    from referrals
    where accepted_on is not null
    qualify row_number() over (
        partition by referrer_customer_key, referred_customer_key
        order by accepted_at asc nulls last, referral_key asc nulls last
    ) = 1
)

select
    referrals.month,
    {{ month_end('referrals.month') }} <= {{ as_of_date() }} as is_complete,
    count(distinct referrals.referrer_customer_key) as referrers,
    count(*) as invitations,
    count(referrals.accepted_on) as accepted_invitations,
    {{ ratio('count(referrals.accepted_on)', 'count(*)') }} as acceptance_rate,
    percentile_cont(0.5) within group (
        order by {{ days_between('referrals.invited_on', 'referrals.accepted_on') }} asc
    ) as days_to_acceptance_median,
    count(*) filter (where purchases.has_bought) as buyers_brought,
    {{ to_money('coalesce(sum(purchases.revenue), 0)') }} as revenue,
    {{ to_money('coalesce(sum(purchases.margin), 0)') }} as margin,
    {{ to_money('sum(referrals.reward_amount)') }} as reward_cost,
    {{ to_money('coalesce(sum(purchases.margin), 0) - coalesce(sum(referrals.reward_amount), 0)') }} as net_value
from referrals
left join first_accepted on referrals.referral_key = first_accepted.referral_key
left join purchases
    on
        first_accepted.referral_key is not null
        and referrals.referred_customer_key = purchases.customer_key
        and referrals.referrer_customer_key = purchases.referrer_customer_key
group by referrals.month
