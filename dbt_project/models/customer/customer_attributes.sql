-- Who says what about a person. What customer records say comes first, by the trust in their system, then by how recent
-- they are; what was given in other channels follows, the newest first. Stand-ins say nothing.

{%- set attributes = golden_names(['customers', 'identifiers', 'orders', 'age']) + ['address'] %}
{%- set given_anywhere = golden_names(['identifiers', 'orders']) %}

with person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

customers as (
    select * from {{ ref('stg_customers') }}
),

orders as (
    select * from {{ ref('stg_orders') }}
),

identifiers as (
    select * from {{ ref('stg_identifiers') }} where given_at is not null
),

profiles as (
    select
        person_map.customer_key,
        customers.system,
        customers.record_id,
        {%- for attribute in golden_names(['customers', 'orders']) %}
        customers.{{ attribute }},
        {%- endfor %}
        {%- for attribute in golden_names(['identifiers']) %}
        {{ without_stand_in('customers.' ~ attribute) }} as {{ attribute }},
        {%- endfor %}
        coalesce({{ age_band('customers.birth_date') }}, customers.age_band) as age_band,
        -- The lines of an address belong together: mixing two of them makes one where nobody lives.
        {{ filled("concat_ws(', ', customers." ~ golden_names(['address']) | join(', customers.') ~ ")") }} as address,
        coalesce(customers.updated_at, customers.created_at) as told_at
    from customers
    inner join person_map on customers.record_id = person_map.record_id
),

-- The rank of a value is the number of records up to this one that have any: counted before the attributes become rows,
-- one pass over the records ranks them all.
ranked_profiles as (
    select
        *,
        {%- for attribute in attributes if attribute != 'age_band' %}
        count({{ attribute }}) over so_far as {{ attribute }}_rank,
        {%- endfor %}
        -- A band told by the birth date changes with the years, one that was typed in does not.
        case
            when birth_date is not null then count(birth_date) over so_far
            else
                count(birth_date) over (partition by customer_key)
                + count(case when birth_date is null then age_band end) over so_far
        end as age_band_rank
    from profiles
    window
        so_far as (
            partition by customer_key
            order by {{ most_trusted_first('system', 'told_at', 'record_id') }}
            rows between unbounded preceding and current row
        )
),

attribute_names as (
    {%- for attribute in attributes %}
    select '{{ attribute }}' as attribute
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- One pass over the records makes the rows of all attributes.
unpivoted as (
    select
        ranked_profiles.customer_key,
        attribute_names.attribute,
        {{ named_by('attribute_names.attribute', attributes, 'cast(ranked_profiles.{} as string)') }}
            as attribute_value,
        ranked_profiles.system,
        ranked_profiles.record_id,
        ranked_profiles.told_at,
        {{ named_by('attribute_names.attribute', attributes, 'ranked_profiles.{}_rank') }} as rank
    from ranked_profiles
    cross join attribute_names
),

from_profiles as (
    select * from unpivoted where attribute_value is not null
),

given as (
    select record_id, system, kind as attribute, value as attribute_value, given_at as told_at
    from identifiers
    where kind <> 'source_id' and {{ without_stand_in('value') }} is not null
    union all
    select record_id, system, 'country' as attribute, country as attribute_value, max(ordered_at) as told_at
    from orders
    where country is not null and record_id is not null
    group by record_id, system, country
),

-- What a customer record says itself is not repeated, and of several values that it was given the newest is taken.
latest_given as (
    select person_map.customer_key, given.*
    from given
    inner join person_map on given.record_id = person_map.record_id
    left join profiles on given.record_id = profiles.record_id
    where {{ named_by('given.attribute', given_anywhere, 'profiles.{}') }} is null
    qualify row_number() over (
        partition by given.record_id, given.attribute
        order by {{ last_given_first('given.told_at', 'given.attribute_value') }}
    ) = 1
),

profile_values as (
    select
        {%- for attribute in given_anywhere %}
        count({{ attribute }}) as {{ attribute }},
        {%- endfor %}
        customer_key
    from profiles
    group by customer_key
),

from_channels as (
    select
        latest.*,
        coalesce({{ named_by('latest.attribute', given_anywhere, 'profile_values.{}') }}, 0)
        + row_number() over (
            partition by latest.customer_key, latest.attribute
            order by
                {{ last_given_first('latest.told_at', 'latest.attribute_value') }}, latest.record_id asc nulls last
        ) as rank
    from latest_given as latest
    left join profile_values on latest.customer_key = profile_values.customer_key
)

select customer_key, attribute, attribute_value, system, record_id, told_at, rank
from from_profiles
union all
select customer_key, attribute, attribute_value, system, record_id, told_at, rank
from from_channels
