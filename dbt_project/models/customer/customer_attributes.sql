-- Who says what about a person. What customer records say comes first, by the trust in their system, then by how recent
-- they are; what was given in other channels follows, the newest first. Stand-ins say nothing.

{%- set attributes = ['first_name', 'last_name', 'birth_date', 'gender', 'email', 'phone', 'loyalty_id', 'address',
                      'country', 'language', 'age_band', 'income_band', 'household_size', 'acquisition_channel'] %}
{%- set given_anywhere = ['email', 'phone', 'loyalty_id', 'country'] %}

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
        customers.first_name,
        customers.last_name,
        customers.birth_date,
        customers.gender,
        {{ without_stand_in('customers.email') }} as email,
        {{ without_stand_in('customers.phone') }} as phone,
        {{ without_stand_in('customers.loyalty_id') }} as loyalty_id,
        -- The lines of an address belong together: mixing two of them makes one where nobody lives.
        {{ filled("concat_ws(', ', customers.street, customers.postal_code, customers.city)") }} as address,
        customers.country,
        customers.language,
        coalesce({{ age_band('customers.birth_date') }}, customers.age_band) as age_band,
        customers.income_band,
        customers.household_size,
        customers.acquisition_channel,
        coalesce(customers.updated_at, customers.created_at) as valid_from
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
            order by {{ most_trusted_first('system', 'valid_from', 'record_id') }}
            rows between unbounded preceding and current row
        )
),

from_profiles as (
    {%- for attribute in attributes %}
    select
        customer_key,
        '{{ attribute }}' as attribute,
        cast({{ attribute }} as varchar) as attribute_value,
        system,
        record_id,
        valid_from,
        {{ attribute }}_rank as rank
    from ranked_profiles
    where {{ attribute }} is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

given as (
    select record_id, system, kind as attribute, value as attribute_value, given_at as valid_from
    from identifiers
    where kind <> 'source_id' and {{ without_stand_in('value') }} is not null
    union all
    select record_id, system, 'country' as attribute, country as attribute_value, max(ordered_at) as valid_from
    from orders
    where country is not null and record_id is not null
    group by record_id, system, country
),

latest_given as (
    select *
    from given
    qualify row_number() over (
        partition by record_id, attribute order by valid_from desc, attribute_value desc
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

-- What a customer record says itself is not repeated.
from_channels as (
    select
        person_map.customer_key,
        latest_given.attribute,
        latest_given.attribute_value,
        latest_given.system,
        latest_given.record_id,
        latest_given.valid_from,
        coalesce(
            case latest_given.attribute
                {%- for attribute in given_anywhere %}
                when '{{ attribute }}' then profile_values.{{ attribute }}
                {%- endfor %}
            end,
            0
        )
        + row_number() over (
            partition by person_map.customer_key, latest_given.attribute
            order by latest_given.valid_from desc, latest_given.attribute_value desc, latest_given.record_id asc
        ) as rank
    from latest_given
    inner join person_map on latest_given.record_id = person_map.record_id
    left join profile_values on person_map.customer_key = profile_values.customer_key
    left join profiles as own on latest_given.record_id = own.record_id
    where
        case latest_given.attribute
            {%- for attribute in given_anywhere %}
            when '{{ attribute }}' then own.{{ attribute }}
            {%- endfor %}
        end is null
)

select customer_key, attribute, attribute_value, system, record_id, valid_from, rank
from from_profiles
union all
select customer_key, attribute, attribute_value, system, record_id, valid_from, rank
from from_channels
