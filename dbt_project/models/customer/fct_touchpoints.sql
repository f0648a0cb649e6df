-- Every contact of a person with the company, in all channels: which they are stands in the channels' contracts.

with registrations as (
    select customers.*, 'customer|' || customers.source_customer_id as registration, person_map.customer_key
    from {{ ref('stg_customers') }} as customers
    inner join {{ source('identity', 'person_map') }} as person_map on customers.record_id = person_map.record_id
),

touchpoints as (
    {%- for channel in channels() if channel.touches %}
    {%- for touch in channel.touches %}
    select
        {{ touch.prefix ~ 'customer_key as customer_key' if touch.prefix else 'customer_key' }},
        {{ touch.moment }} as occurred_at,
        {{ touch.over ~ (' as contact_channel' if touch.over != 'contact_channel' else '') }},
        '{{ touch.kind }}' as kind,
        '{{ touch.direction }}' as direction,
        system || '|' || cast({{ touch.reference }} as string) as reference
    from {{ ref(channel.fact) if channel.fact else 'registrations' }}
    where {{ touch.prefix }}customer_key is not null and {{ touch.moment }} is not null and {{ touch.where }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    customer_key,
    occurred_at,
    {{ local_date('occurred_at') }} as occurred_on,
    coalesce(contact_channel, 'unknown') as contact_channel,
    kind,
    direction,
    reference
from touchpoints
