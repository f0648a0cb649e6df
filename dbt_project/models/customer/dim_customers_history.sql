-- The golden record over time: on each day on which something that is known of a person changes, it is chosen anew from
-- what was known on that day. It is made from the records' own dates, so that it does not matter on which days it ran.

{%- set stated = ['first_name', 'last_name', 'birth_date', 'gender', 'country', 'income_band', 'household_size',
                  'acquisition_channel', 'language'] %}
{%- set address = ['street', 'postal_code', 'city'] %}
{%- set identifying = ['email', 'phone', 'loyalty_id'] %}
{%- set given_anywhere = ['email', 'phone', 'loyalty_id', 'country'] %}
{%- set consents = ['consent_email', 'consent_phone', 'consent_post', 'consent_push', 'consent_profiling'] %}

with person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

versions as (
    select * from {{ ref('stg_customer_versions') }}
),

staged_identifiers as (
    select * from {{ ref('stg_identifiers') }}
),

referrals as (
    select * from {{ ref('stg_referrals') }}
),

orders as (
    select customer_key, country, ordered_at
    from {{ ref('fct_orders') }}
    where customer_key is not null and country is not null
),

decisions as (
    select * from {{ ref('fct_consents') }} where customer_key is not null
),

person_versions as (
    select
        person_map.customer_key,
        versions.*,
        coalesce(versions.updated_at, versions.created_at) as version_at,
        coalesce(versions.street, versions.postal_code, versions.city) is not null as has_address
    from versions
    inner join person_map on versions.record_id = person_map.record_id
),

-- Who accepted an invitation was, until then, a guest of whom it told the address.
identifiers as (
    select record_id, kind, value, known_at, given_at
    from staged_identifiers
    union all
    select
        {{ record_id('system', 'null', 'null', 'referred_email', 'null') }} as record_id,
        'email' as kind,
        referred_email as value,
        invited_at as known_at,
        invited_at as given_at
    from referrals
    where accepted_at is not null and referred_email is not null
),

profile_days as (
    select distinct customer_key, valid_from as day from person_versions
),

person_records as (
    select distinct customer_key, record_id from person_versions
),

-- When one record changes, the others of the person take part with the version that they had by then.
record_days as (
    select
        profile_days.customer_key,
        profile_days.day,
        person_records.record_id,
        max(person_versions.valid_from) over (
            partition by person_records.record_id order by profile_days.day
        ) as version_from
    from profile_days
    inner join person_records on profile_days.customer_key = person_records.customer_key
    left join person_versions
        on
            person_records.record_id = person_versions.record_id
            and profile_days.day = person_versions.valid_from
),

ranked_days as (
    select
        record_days.*,
        row_number() over (
            partition by record_days.customer_key, record_days.day
            order by
                {{ most_trusted_first('system', 'version_at', 'record_days.record_id') }}
        ) as priority
    from record_days
    inner join person_versions
        on
            record_days.record_id = person_versions.record_id
            and record_days.version_from = person_versions.valid_from
),

ranked_versions as (
    select
        person_versions.*,
        ranked_days.day,
        ranked_days.priority
    from ranked_days
    inner join person_versions
        on
            ranked_days.record_id = person_versions.record_id
            and ranked_days.version_from = person_versions.valid_from
),

profile_states as (
    select
        customer_key,
        {%- for attribute in stated %}
        min_by({{ attribute }}, priority) filter (where {{ attribute }} is not null) as {{ attribute }},
        {%- endfor %}
        {%- for attribute in address %}
        min_by(coalesce({{ attribute }}, ''), priority) filter (where has_address) as {{ attribute }},
        {%- endfor %}
        {%- for attribute in identifying %}
        {%- set is_given = without_stand_in(attribute) ~ ' is not null' %}
        min_by({{ attribute }}, priority) filter (where {{ is_given }}) as {{ attribute }},
        {%- endfor %}
        day
    from ranked_versions
    group by customer_key, day
),

person_identifiers as (
    select
        person_map.customer_key,
        identifiers.kind,
        {{ without_stand_in('identifiers.value') }} as value,
        identifiers.known_at,
        identifiers.given_at
    from identifiers
    inner join person_map on identifiers.record_id = person_map.record_id
),

order_countries as (
    select customer_key, country, min(ordered_at) as ordered_at
    from orders
    group by customer_key, country
),

-- Only who orders from several countries can come back to one.
travellers as (
    select customer_key from order_countries group by customer_key having count(*) > 1
),

traveller_orders as (
    select orders.customer_key, orders.country, orders.ordered_at
    from orders
    inner join travellers on orders.customer_key = travellers.customer_key
),

given as (
    select customer_key, kind, value, given_at, {{ local_date('given_at') }} as day
    from person_identifiers
    where given_at is not null and kind <> 'source_id' and value is not null
    {%- for countries in ['order_countries', 'traveller_orders'] %}
    union all
    select customer_key, 'country' as kind, country as value, ordered_at, {{ local_date('ordered_at') }} as day
    from {{ countries }}
    {%- endfor %}
),

-- At one moment the value itself decides, as it does in customer_attributes.
last_of_day as (
    select customer_key, day, kind, value
    from given
    qualify row_number() over (partition by customer_key, day, kind order by given_at desc, value desc) = 1
),

given_on_days as (
    select
        customer_key,
        {%- for kind in given_anywhere %}
        max(value) filter (where kind = '{{ kind }}') as {{ kind }},
        {%- endfor %}
        day
    from last_of_day
    group by customer_key, day
),

given_states as (
    select
        customer_key,
        {%- for kind in given_anywhere %}
        {{ last_given(kind, 'so_far') }} as {{ kind }},
        {%- endfor %}
        day
    from given_on_days
    window so_far as (partition by customer_key order by day)
),

-- How many more records of the person say yes, and how many more say no, since a decision.
turns as (
    select
        customer_key,
        coalesce(decided_on, date '1970-01-01') as day,
        'consent_' || case when purpose = 'profiling' then 'profiling' else channel end as consent,
        case when is_granted then 1 else 0 end - case when was_granted then 1 else 0 end as more_yes,
        case when not is_granted then 1 else 0 end - case when not was_granted then 1 else 0 end as more_no
    from decisions
),

turns_by_day as (
    select
        customer_key,
        {%- for consent in consents %}
        sum(more_yes) filter (where consent = '{{ consent }}') as {{ consent }}_more_yes,
        sum(more_no) filter (where consent = '{{ consent }}') as {{ consent }}_more_no,
        {%- endfor %}
        day
    from turns
    group by customer_key, day
),

consent_states as (
    select
        customer_key,
        {%- for consent in consents %}
        coalesce(sum({{ consent }}_more_yes) over so_far, 0) > 0
        and coalesce(sum({{ consent }}_more_no) over so_far, 0) = 0 as {{ consent }},
        {%- endfor %}
        day
    from turns_by_day
    window so_far as (partition by customer_key order by day)
),

-- A person is there from the first day on which a record of theirs is known; without a date, always.
starts as (
    select customer_key, greatest({{ local_date('min(known_at)') }}, date '1970-01-01') as day
    from person_identifiers
    group by customer_key
),

days as (
    {%- for part in ['profile', 'given', 'consent'] %}
    select customer_key, day, '{{ part }}' as part from {{ part }}_states
    union all
    {%- endfor %}
    select customer_key, day, 'start' as part from starts
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
    window so_far as (partition by customer_key order by day)
),

parts_together as (
    select
        latest.customer_key,
        {%- for attribute in stated if attribute != 'country' %}
        profiles.{{ attribute }},
        {%- endfor %}
        coalesce(profiles.country, given.country) as country,
        {%- for attribute in address %}
        {{ filled('profiles.' ~ attribute) }} as {{ attribute }},
        {%- endfor %}
        {%- for attribute in identifying %}
        coalesce(profiles.{{ attribute }}, given.{{ attribute }}) as {{ attribute }},
        {%- endfor %}
        {%- for consent in consents %}
        coalesce(consents.{{ consent }}, false) as {{ consent }},
        {%- endfor %}
        latest.day
    from latest_parts as latest
    inner join starts on latest.customer_key = starts.customer_key and latest.day >= starts.day
    left join profile_states as profiles
        on latest.customer_key = profiles.customer_key and latest.profile_day = profiles.day
    left join given_states as given on latest.customer_key = given.customer_key and latest.given_day = given.day
    left join consent_states as consents
        on latest.customer_key = consents.customer_key and latest.consent_day = consents.day
),

states as (
    select
        *,
        {{ surrogate_key(stated + address + identifying + consents) }} as state_key
    from parts_together
),

-- The keys of two days of one person are equal where nothing has changed.
changes as (
    select customer_key, day
    from states
    qualify state_key is distinct from lag(state_key) over (partition by customer_key order by day)
),

periods as (
    select
        customer_key,
        day,
        lead(day) over (partition by customer_key order by day) as next_day
    from changes
)

select
    states.customer_key,
    states.day as valid_from,
    periods.next_day as valid_to,
    periods.next_day is null as is_current,
    states.first_name,
    states.last_name,
    states.email,
    states.phone,
    states.birth_date,
    states.gender,
    states.street,
    states.postal_code,
    states.city,
    states.country,
    states.income_band,
    states.household_size,
    states.acquisition_channel,
    states.language,
    states.loyalty_id,
    states.consent_email,
    states.consent_phone,
    states.consent_post,
    states.consent_push,
    states.consent_profiling
from states
inner join periods on states.customer_key = periods.customer_key and states.day = periods.day
