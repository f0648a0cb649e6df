with consents as (
    select * from {{ ref('stg_consents') }}
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
)

select
    consents.consent_key,
    consents.system,
    person_map.customer_key,
    consents.purpose,
    consents.contact_channel,
    consents.is_granted,
    consents.decided_at,
    -- A record without any date has always been known: its consents have no day.
    case when consents.decided_at > timestamp '1970-01-01 00:00:00' then consents.decided_on end as decided_on,
    consents.origin,
    lead(consents.is_granted) over newest_first as was_granted,
    row_number() over newest_first = 1 as is_current
from consents
left join person_map on consents.record_id = person_map.record_id
window
    newest_first as (
        partition by consents.record_id, consents.purpose, consents.contact_channel
        order by consents.decided_at desc
    )
