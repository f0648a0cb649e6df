-- Who joined a tier, rose or fell, by month. Names of tiers do not tell which is higher.

with events as (
    select
        customer_key,
        {{ month_of('occurred_on') }} as month,
        tier,
        lag(tier) over (
            partition by customer_key order by occurred_at nulls last, loyalty_event_key nulls last
        ) as tier_before
    from {{ ref('fct_loyalty_events') }}
    where customer_key is not null and tier is not null
)

select
    month,
    coalesce(tier_before, 'none') as from_tier,
    tier as to_tier,
    count(distinct customer_key) as people,
    count(*) as movements
from events
where tier_before is null or tier_before <> tier
group by month, coalesce(tier_before, 'none'), tier
