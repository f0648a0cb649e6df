-- Whom each person had invited by each as-of date, and whether an accepted invitation had brought the person.

with referrals as (
    select * from {{ ref('fct_referrals') }}
),

dates as (
    select as_of_date from {{ ref('as_of_dates') }}
),

sides as (
    select referrer_customer_key as customer_key, invited_on as day, 1 as invitations, 0 as acceptances
    from referrals
    union all
    select referred_customer_key as customer_key, accepted_on as day, 0 as invitations, 1 as acceptances
    from referrals
    where accepted_on is not null
)

select
    sides.customer_key,
    dates.as_of_date,
    cast(sum(sides.invitations) as bigint) as referrals_made,
    sum(sides.acceptances) > 0 as was_referred
from sides
inner join dates on sides.day <= dates.as_of_date
where sides.customer_key is not null
group by sides.customer_key, dates.as_of_date
