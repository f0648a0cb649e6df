-- Decisions from all places where they are kept: the consents channel, the consents that customer records carry, and
-- campaign contacts by which somebody unsubscribed.

with decisions as (
    select
        *,
        {{ filled('customer_id') }} as clean_customer_id,
        {{ filled('email') }} as clean_email,
        {{ filled('phone') }} as clean_phone
    from {{ source('raw', 'consents') }}
),

-- A customer record says since when its consents hold, or else they hold since it was last changed; a record without
-- any date has always been known.
answers as (
    {%- for contact_channel in ['email', 'phone', 'post'] %}
    select
        _system,
        trim(customer_id) as customer_id,
        '{{ contact_channel }}' as contact_channel,
        consent_{{ contact_channel }} as is_granted,
        coalesce(consent_at, updated_at, created_at, timestamp '1970-01-01 00:00:00') as decided_at,
        _first_delivery
    from {{ source('raw', 'customers') }}
    where consent_{{ contact_channel }} is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- A change of address that repeats the old answer is no decision: it must not outlive a withdrawal made elsewhere.
profile_decisions as (
    select
        *,
        lag(is_granted) over (
            partition by _system, customer_id, contact_channel
            order by decided_at asc nulls last, is_granted desc, _first_delivery asc nulls last
        ) as previous_answer
    from answers
),

unsubscriptions as (
    select contacts.*, campaigns.medium
    from {{ ref('stg_campaign_contacts') }} as contacts
    inner join {{ ref('stg_campaigns') }} as campaigns on contacts.campaign_key = campaigns.campaign_key
    where contacts.unsubscribed_at is not null and contacts.record_id is not null
),

all_decisions as (
    select
        _system as system,
        {{ record_id('_system', 'clean_customer_id', 'null', 'clean_email', 'clean_phone') }} as record_id,
        clean_email as email,
        clean_phone as phone,
        purpose,
        contact_channel,
        is_granted,
        decided_at,
        {{ filled('origin') }} as origin,
        false as is_from_profile,
        _first_delivery
    from decisions
    union all
    select
        _system as system,
        {{ record_id('_system', 'customer_id', 'null', 'null', 'null') }} as record_id,
        null as email,
        null as phone,
        'marketing' as purpose,
        contact_channel,
        is_granted,
        decided_at,
        'customer record' as origin,
        true as is_from_profile,
        _first_delivery
    from profile_decisions
    where previous_answer is null or is_granted <> previous_answer
    union all
    select
        system,
        record_id,
        email,
        phone,
        'marketing' as purpose,
        -- Text messages need the consent to phone; what is neither mail nor message is turned down altogether.
        case
            when medium in ('email', 'phone', 'post', 'push') then medium
            when medium = 'sms' then 'phone'
            else 'all'
        end as contact_channel,
        false as is_granted,
        unsubscribed_at as decided_at,
        'unsubscribed' as origin,
        false as is_from_profile,
        first_delivery as _first_delivery
    from unsubscriptions
),

-- Marketing is agreed to by contact channel; profiling needs none.
by_contact_channel as (
    {%- for contact_channel in ['email', 'phone', 'post', 'push'] %}
    select *, '{{ contact_channel }}' as decided_channel
    from all_decisions
    where purpose = 'marketing' and contact_channel in ('{{ contact_channel }}', 'all')
    union all
    {%- endfor %}
    select *, 'all' as decided_channel
    from all_decisions
    where purpose = 'profiling'
)

select
    {{ surrogate_key(['system', 'record_id', 'purpose', 'decided_channel', 'decided_at']) }} as consent_key,
    system,
    record_id,
    max(email) as email,
    max(phone) as phone,
    purpose,
    decided_channel as contact_channel,
    -- Of two decisions of one moment the refusal counts.
    bool_and(is_granted) as is_granted,
    decided_at,
    {{ local_date('decided_at') }} as decided_on,
    min(origin) as origin,
    bool_and(is_from_profile) as is_from_profile,
    min(_first_delivery) as first_delivery
from by_contact_channel
where decided_at < {{ end_of_as_of_day() }}
group by system, record_id, purpose, decided_channel, decided_at
