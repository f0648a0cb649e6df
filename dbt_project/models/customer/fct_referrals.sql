with referrals as (
    select * from {{ ref('stg_referrals') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
)

select
    referrals.referral_key,
    referrals.system,
    referrals.referral_id,
    referrers.customer_key as referrer_customer_key,
    referred.customer_key as referred_customer_key,
    referrals.invited_at,
    referrals.invited_on,
    referrals.accepted_at,
    {{ local_date('referrals.accepted_at') }} as accepted_on,
    referrals.reward_amount
from referrals
left join person_map as referrers on referrals.referrer_record_id = referrers.record_id
left join person_map as referred on referrals.referred_record_id = referred.record_id
