-- What each person brought by inviting others, against what was paid for it.

with referrals as (
    select * from {{ ref('fct_referrals') }}
),

brought as (
    select customer_key, referrer_customer_key from {{ ref('customer_referrers') }}
),

network as (
    select * from {{ source('scoring', 'referral_network') }} where as_of_date = {{ as_of_date() }}
),

clv as (
    select customer_key, clv_predicted from {{ source('scoring', 'clv') }} where as_of_date = {{ as_of_date() }}
),

orders as (
    select customer_key, is_counted, revenue, margin from {{ ref('fct_orders') }}
),

purchases as (
    select
        brought.customer_key,
        count(*) filter (where orders.is_counted) > 0 as has_bought,
        sum(orders.revenue) as revenue,
        sum(orders.margin) as margin
    from brought
    inner join orders on brought.customer_key = orders.customer_key
    group by brought.customer_key
),

-- A person may be brought without an invitation on record: where a customer record names the referrer.
brought_totals as (
    select
        brought.referrer_customer_key,
        count(*) as people_brought,
        count(*) filter (where purchases.has_bought) as buyers_brought,
        sum(purchases.revenue) as revenue,
        sum(purchases.margin) as margin,
        sum(cast(clv.clv_predicted as decimal(18, 2))) as clv_predicted
    from brought
    left join purchases on brought.customer_key = purchases.customer_key
    left join clv on brought.customer_key = clv.customer_key
    group by brought.referrer_customer_key
),

invitation_totals as (
    select
        referrer_customer_key,
        count(*) as invitations,
        count(accepted_on) as accepted_invitations,
        min(invited_on) as first_invited_on,
        max(invited_on) as last_invited_on,
        sum(reward_amount) as reward_cost
    from referrals
    where referrer_customer_key is not null
    group by referrer_customer_key
)

select
    coalesce(invitation_totals.referrer_customer_key, brought_totals.referrer_customer_key) as customer_key,
    coalesce(invitation_totals.invitations, 0) as invitations,
    coalesce(invitation_totals.accepted_invitations, 0) as accepted_invitations,
    invitation_totals.first_invited_on,
    invitation_totals.last_invited_on,
    coalesce(brought_totals.people_brought, 0) as people_brought,
    coalesce(brought_totals.buyers_brought, 0) as buyers_brought,
    {{ to_money('coalesce(brought_totals.revenue, 0)') }} as revenue,
    {{ to_money('coalesce(brought_totals.margin, 0)') }} as margin,
    {{ to_money('brought_totals.clv_predicted') }} as clv_predicted,
    {{ to_money('coalesce(invitation_totals.reward_cost, 0)') }} as reward_cost,
    {{ to_money('coalesce(brought_totals.margin, 0) - coalesce(invitation_totals.reward_cost, 0)') }} as net_value,
    coalesce(network.people_below, 0) as people_below,
    coalesce(network.levels_below, 0) as levels_below,
    network.pagerank,
    cast(network.community_id as string) as community_id,
    network.community_people
from invitation_totals
full outer join brought_totals
    on invitation_totals.referrer_customer_key = brought_totals.referrer_customer_key
left join network
    on coalesce(invitation_totals.referrer_customer_key, brought_totals.referrer_customer_key) = network.customer_key
