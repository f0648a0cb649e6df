with invitations as (
    select *, coalesce(accepted_at >= {{ end_of_as_of_day() }}, false) as is_accepted_later
    from ({{ latest_rows(source('raw', 'referrals'), 'referral_id', 'invited_at') }}) as latest
),

-- Who was invited has an id only once they accepted.
referrals as (
    select
        *,
        {{ filled('referrer_id') }} as clean_referrer_id,
        {{ filled('referrer_email') }} as clean_referrer_email,
        case when not is_accepted_later then {{ filled('referred_id') }} end as clean_referred_id,
        {{ filled('referred_email') }} as clean_referred_email
    from invitations
)

select
    {{ surrogate_key(['_system', 'referral_id']) }} as referral_key,
    _system as system,
    referral_id,
    {%- for side in ['referrer', 'referred'] %}
    {{ record_id('_system', 'clean_' ~ side ~ '_id', 'null', 'clean_' ~ side ~ '_email', 'null') }}
        as {{ side }}_record_id,
    clean_{{ side }}_email as {{ side }}_email,
    {%- endfor %}
    invited_at,
    {{ local_date('invited_at') }} as invited_on,
    case when not is_accepted_later then accepted_at end as accepted_at,
    case when not is_accepted_later then {{ to_money('reward_amount') }} end as reward_amount,
    _first_delivery as first_delivery
from referrals
