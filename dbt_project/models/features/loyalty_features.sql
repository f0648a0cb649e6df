-- Where each member of the loyalty programme stood on each as-of date. Balance and tier run on from day to day and hold
-- until the next movement.

with events as (
    select
        *,
        row_number() over (
            partition by customer_key order by occurred_at nulls last, loyalty_event_key nulls last
        ) as event_number
    from {{ ref('fct_loyalty_events') }}
    where customer_key is not null
),

dates as (
    select * from {{ ref('as_of_dates') }}
),

days as (
    select
        customer_key,
        occurred_on as day,
        sum(points) as points,
        sum(points) filter (where kind = 'earn') as points_earned,
        -sum(points) filter (where kind = 'redeem') as points_redeemed,
        max_by(tier, event_number) filter (where tier is not null) as tier,
        count(*) filter (where kind = 'redeem') > 0 as has_redemption
    from events
    group by customer_key, occurred_on
),

running as (
    select
        customer_key,
        day,
        lead(day) over (partition by customer_key order by day nulls last) as next_day,
        sum(points) over so_far as points_balance,
        {{ last_given('tier', 'so_far') }} as tier,
        max(case when has_redemption then day end) over so_far as last_redemption_on
    from days
    window so_far as (
        partition by customer_key order by day nulls last rows between unbounded preceding and current row
    )
),

windows as (
    select
        days.customer_key,
        dates.as_of_date,
        sum(days.points_earned) as points_earned_12m,
        sum(days.points_redeemed) as points_redeemed_12m
    from days
    inner join dates on days.day <= dates.as_of_date and days.day > dates.months_12_before
    group by days.customer_key, dates.as_of_date
)

select
    running.customer_key,
    dates.as_of_date,
    true as is_member,
    running.tier,
    cast(running.points_balance as double) as points_balance,
    cast(coalesce(windows.points_earned_12m, 0) as double) as points_earned_12m,
    cast(coalesce(windows.points_redeemed_12m, 0) as double) as points_redeemed_12m,
    {{ days_between('running.last_redemption_on', 'dates.as_of_date') }} as days_since_redemption
from running
inner join dates
    on running.day <= dates.as_of_date and (running.next_day is null or running.next_day > dates.as_of_date)
left join windows on running.customer_key = windows.customer_key and dates.as_of_date = windows.as_of_date
