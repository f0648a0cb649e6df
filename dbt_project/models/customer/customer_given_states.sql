-- What a person gave in any channel, the newest of each kind: on each day on which anything was given, and on the day
-- from which the person is known.

{%- set given_anywhere = golden_names(['identifiers', 'orders']) %}

with person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
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

-- Who accepted an invitation was, until then, a guest of whom it told the address.
invitations as (
    select
        {{ record_id('system', 'null', 'null', 'referred_email', 'null') }} as record_id,
        referred_email,
        invited_at
    from referrals
    where accepted_at is not null and referred_email is not null
),

-- Today's record knows an address by when the guest gave it: an invitation counts only if they give it after that.
told_by_invitations as (
    select invitations.record_id, invitations.referred_email, invitations.invited_at
    from invitations
    inner join staged_identifiers as given_later
        on invitations.record_id = given_later.record_id and given_later.kind = 'email'
    group by invitations.record_id, invitations.referred_email, invitations.invited_at
    having
        invitations.invited_at < coalesce(
            min(given_later.given_at) filter (where given_later.value = invitations.referred_email),
            min(given_later.given_at)
        )
),

identifiers as (
    select record_id, kind, value, known_at, given_at
    from staged_identifiers
    union all
    select record_id, 'email' as kind, referred_email as value, invited_at as known_at, invited_at as given_at
    from told_by_invitations
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

last_of_day as (
    select customer_key, day, kind, value
    from given
    qualify row_number() over (
        partition by customer_key, day, kind order by {{ last_given_first('given_at', 'value') }}
    ) = 1
),

-- A person is there from the first day on which a record of theirs is known; without a date, always.
starts as (
    select customer_key, greatest({{ local_date('min(known_at)') }}, date '1970-01-01') as known_from
    from person_identifiers
    group by customer_key
),

-- That day has a row though nothing may have been given on it.
given_or_start as (
    select customer_key, day, kind, value from last_of_day
    union all
    select customer_key, known_from as day, 'start' as kind, cast(null as string) as value from starts
),

given_on_days as (
    select
        customer_key,
        {%- for kind in given_anywhere %}
        max(value) filter (where kind = '{{ kind }}') as {{ kind }},
        {%- endfor %}
        day
    from given_or_start
    group by customer_key, day
)

select
    given_on_days.customer_key,
    {%- for kind in given_anywhere %}
    {{ last_given('given_on_days.' ~ kind, 'so_far') }} as {{ kind }},
    {%- endfor %}
    starts.known_from,
    given_on_days.day
from given_on_days
inner join starts on given_on_days.customer_key = starts.customer_key
window so_far as (partition by given_on_days.customer_key order by given_on_days.day nulls last)
