with contacts as (
    select
        *,
        {{ filled('customer_id') }} as clean_customer_id,
        {{ filled('email') }} as clean_email,
        {{ filled('phone') }} as clean_phone
    from ({{ latest_rows(source('raw', 'campaign_contacts'), 'contact_id', 'assigned_at') }}) as latest
),

-- A system that tells no time of sending sends when it assigns, and not to those who are held out.
timed as (
    select
        *,
        case
            when count(sent_at) over (partition by _system) > 0 or variant = 'control' then sent_at
            else assigned_at
        end as sent_or_assigned_at
    from contacts
)

select
    {{ surrogate_key(['_system', 'contact_id']) }} as contact_key,
    _system as system,
    contact_id,
    {{ surrogate_key(['_system', 'trim(campaign_id)']) }} as campaign_key,
    trim(campaign_id) as campaign_id,
    {{ record_id('_system', 'clean_customer_id', 'null', 'clean_email', 'clean_phone') }} as record_id,
    clean_email as email,
    clean_phone as phone,
    coalesce(variant, 'treatment') as variant,
    assigned_at,
    {{ local_date('assigned_at') }} as assigned_on,
    -- What came of it later than the as-of date is not known yet.
    {{ known_time('sent_or_assigned_at') }} as sent_at,
    {%- for event in ['delivered', 'bounced', 'opened', 'clicked', 'unsubscribed'] %}
    {{ known_time(event ~ '_at') }} as {{ event }}_at,
    {%- endfor %}
    {{ known_time('redeemed_at') }} as redeemed_at,
    -- Of several redemptions the source tells the first, the last and the number: between these, nobody knows how many.
    case
        when coalesce(last_redeemed_at, redeemed_at) < {{ end_of_as_of_day() }} then coalesce(redemptions, 1)
    end as redemptions,
    {{ filled('coupon_code') }} as coupon_code,
    _first_delivery as first_delivery
from timed
