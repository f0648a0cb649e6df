with mentions as (
    select * from {{ ref('stg_social_mentions') }}
),

customers as (
    select record_id, social_handle from {{ ref('stg_customers') }} where social_handle is not null
),

person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

-- An account that several people state as theirs names none of them.
accounts as (
    select
        replace(customers.social_handle, '@', '') as social_handle,
        min(person_map.customer_key) as customer_key
    from customers
    inner join person_map on customers.record_id = person_map.record_id
    group by 1
    having count(distinct person_map.customer_key) = 1
)

select
    mentions.mention_key,
    mentions.system,
    mentions.mention_id,
    coalesce(person_map.customer_key, accounts.customer_key) as customer_key,
    mentions.platform,
    mentions.kind,
    mentions.posted_at,
    mentions.posted_on,
    mentions.body,
    mentions.rating,
    mentions.reach,
    mentions.replied_at
from mentions
left join person_map on mentions.record_id = person_map.record_id
left join accounts on mentions.social_handle = accounts.social_handle
