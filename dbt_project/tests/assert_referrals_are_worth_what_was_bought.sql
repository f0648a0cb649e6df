{{ config(meta={'dagster': {'ref': {'name': 'referral_value'}}}) }}

-- What referrers brought is what the people brought bought, to the cent, and rewards are those on record.
with valued as (
    select
        coalesce(sum(revenue), 0) as revenue,
        coalesce(sum(margin), 0) as margin,
        coalesce(sum(people_brought), 0) as people_brought,
        coalesce(sum(reward_cost), 0) as reward_cost
    from {{ ref('referral_value') }}
),

bought as (
    select coalesce(sum(orders.revenue), 0) as revenue, coalesce(sum(orders.margin), 0) as margin
    from {{ ref('fct_orders') }} as orders
    inner join {{ ref('customer_referrers') }} as brought on orders.customer_key = brought.customer_key
),

paid as (
    select coalesce(sum(reward_amount), 0) as reward_amount
    from {{ ref('fct_referrals') }}
    where referrer_customer_key is not null
)

select valued.*, bought.revenue as revenue_of_orders, bought.margin as margin_of_orders, paid.reward_amount
from valued
cross join bought
cross join paid
where
    valued.revenue <> bought.revenue
    or valued.margin <> bought.margin
    or valued.reward_cost <> paid.reward_amount
    or valued.people_brought <> (select count(*) from {{ ref('customer_referrers') }})
