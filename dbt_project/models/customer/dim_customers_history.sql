-- The golden record over time: on each day on which something that is known of a person changes, it is chosen anew from
-- what was known on that day. It is made from the records' own dates, so that it does not matter on which days it ran.

{%- set dated = golden_names(['customers', 'address', 'identifiers', 'orders']) %}
{%- set consents = golden_consents() | map(attribute='name') | list %}

with profile_states as (
    select * from {{ ref('customer_profile_states') }}
),

given_states as (
    select * from {{ ref('customer_given_states') }}
),

consent_states as (
    select * from {{ ref('customer_consent_states') }}
),

days as (
    {%- for part in ['profile', 'given', 'consent'] %}
    select customer_key, day, '{{ part }}' as part from {{ part }}_states
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- On each day, the latest of each part holds.
latest_parts as (
    select
        customer_key,
        {%- for part in ['profile', 'given', 'consent'] %}
        max(max(day) filter (where part = '{{ part }}')) over so_far as {{ part }}_day,
        {%- endfor %}
        day
    from days
    group by customer_key, day
    window so_far as (partition by customer_key order by day nulls last)
),

-- Nobody is there before the day from which they are known; since then, a row of what they gave always holds.
parts_together as (
    select
        latest.customer_key,
        {%- for attribute in golden_names(['customers']) %}
        profiles.{{ attribute }},
        {%- endfor %}
        {%- for attribute in golden_names(['address']) %}
        {{ filled('profiles.' ~ attribute) }} as {{ attribute }},
        {%- endfor %}
        {%- for attribute in golden_names(['identifiers', 'orders']) %}
        coalesce(profiles.{{ attribute }}, given.{{ attribute }}) as {{ attribute }},
        {%- endfor %}
        {%- for consent in consents %}
        coalesce(consents.{{ consent }}, false) as {{ consent }},
        {%- endfor %}
        latest.day
    from latest_parts as latest
    inner join given_states as given on latest.customer_key = given.customer_key and latest.given_day = given.day
    left join profile_states as profiles
        on latest.customer_key = profiles.customer_key and latest.profile_day = profiles.day
    left join consent_states as consents
        on latest.customer_key = consents.customer_key and latest.consent_day = consents.day
    where latest.day >= given.known_from
),

states as (
    select
        *,
        {{ surrogate_key(dated + consents) }} as state_key
    from parts_together
),

-- The keys of two days of one person are equal where nothing has changed.
changes as (
    select customer_key, day
    from states
    qualify state_key is distinct from lag(state_key) over (partition by customer_key order by day nulls last)
),

periods as (
    select
        customer_key,
        day,
        lead(day) over (partition by customer_key order by day nulls last) as next_day
    from changes
)

select
    states.customer_key,
    states.day as valid_from,
    periods.next_day as valid_to,
    {%- for column in dated + consents %}
    states.{{ column }},
    {%- endfor %}
    periods.next_day is null as is_current
from states
inner join periods on states.customer_key = periods.customer_key and states.day = periods.day
