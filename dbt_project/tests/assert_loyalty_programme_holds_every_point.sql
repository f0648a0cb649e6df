{{ config(meta={'dagster': {'ref': {'name': 'loyalty_programme'}}}) }}

-- The balances at the end add up to all points of known members, and each kind of movement to its events.
with programme as (
    select
        coalesce(sum(points_outstanding) filter (where month = {{ month_of(as_of_date()) }}), 0) as points_outstanding,
        coalesce(sum(members) filter (where month = {{ month_of(as_of_date()) }}), 0) as members,
        coalesce(sum(new_members), 0) as new_members,
        coalesce(sum(points_earned), 0) as points_earned,
        coalesce(sum(points_redeemed), 0) as points_redeemed,
        coalesce(sum(points_expired), 0) as points_expired,
        coalesce(sum(points_adjusted), 0) as points_adjusted
    from {{ ref('loyalty_programme') }}
),

events as (
    select
        coalesce(sum(points), 0) as points,
        count(distinct customer_key) as members,
        coalesce(sum(points) filter (where kind = 'earn'), 0) as earned,
        coalesce(sum(points) filter (where kind = 'redeem'), 0) as redeemed,
        coalesce(sum(points) filter (where kind = 'expire'), 0) as expired,
        coalesce(sum(points) filter (where kind = 'adjust'), 0) as adjusted
    from {{ ref('fct_loyalty_events') }}
    where customer_key is not null
)

select *
from programme
cross join events
where
    programme.points_outstanding <> events.points
    or programme.members <> events.members
    or programme.new_members <> events.members
    or programme.points_earned <> events.earned
    or programme.points_redeemed <> -events.redeemed
    or programme.points_expired <> -events.expired
    or programme.points_adjusted <> events.adjusted
