-- Who brought whom: an invitation that was accepted tells it best, else the record that names a referrer.

with referrals as (
    select * from {{ ref('fct_referrals') }}
),

customers as (
    select * from {{ ref('stg_customers') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

claims as (
    select
        referred_customer_key as customer_key,
        referrer_customer_key,
        1 as priority,
        accepted_at as claimed_at,
        referral_key as tie_break
    from referrals
    where accepted_at is not null
    union all
    select
        person_map.customer_key,
        referrers.customer_key as referrer_customer_key,
        2 as priority,
        customers.created_at as claimed_at,
        {{ surrogate_key(['customers.record_id']) }} as tie_break
    from customers
    inner join person_map on customers.record_id = person_map.record_id
    inner join person_map as referrers
        on {{ record_id('customers.system', 'customers.referrer_id', 'null', 'null', 'null') }} = referrers.record_id
)

-- Two records of one person that name each other are no referral.
select
    customer_key,
    referrer_customer_key
from claims
where customer_key <> referrer_customer_key
qualify row_number() over (
    partition by customer_key order by priority asc nulls last, claimed_at asc nulls last, tie_break asc nulls last
) = 1
