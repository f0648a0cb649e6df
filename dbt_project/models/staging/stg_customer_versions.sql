-- What a source said of a customer record on which day. A version holds from the day on which it is known until the day
-- of one that was changed later; a record that is there before any version is known is told by the earliest.

with records as (
    select * from {{ source('raw', 'customers') }}
),

dated as (
    select
        *,
        trim(customer_id) as clean_customer_id,
        coalesce(updated_at, created_at) as version_at,
        coalesce({{ local_date('created_at') }}, date '1970-01-01') as created_on,
        coalesce(
            greatest({{ local_date('created_at') }}, {{ local_date('updated_at') }}), date '1970-01-01'
        ) as known_on
    from records
    where created_at is null or created_at < {{ end_of_as_of_day() }}
),

versions as (
    select
        *,
        min(known_on) over (partition by _system, clean_customer_id) as first_known_on,
        min(_first_delivery) over (partition by _system, clean_customer_id) as first_delivery
    from dated
),

candidates as (
    select *, true as is_known, known_on as valid_from
    from versions
    where known_on <= {{ as_of_date() }}
    union all
    select *, false as is_known, created_on as valid_from
    from versions
    where created_on < first_known_on
),

-- From the weakest to the strongest: the version changed last is the one that holds, and of those without a date the
-- one delivered last; of those that only later days tell of, the earliest is the nearest to what was known.
held as (
    select
        *,
        min(valid_from) over (
            partition by _system, clean_customer_id
            order by
                is_known asc nulls last,
                case when is_known then version_at end asc nulls first,
                version_at desc nulls first,
                _delivery asc nulls last,
                _line asc nulls last
            rows between 1 following and unbounded following
        ) as valid_to
    from candidates
)

-- Sources of one system share its ids. A version that a stronger one replaces on its first day never held.
select
    _system as system,
    clean_customer_id as source_customer_id,
    _system || '|customer|' || clean_customer_id as record_id,
    valid_from,
    valid_to,
    {%- for attribute in golden_attributes() %}
    {{ told_value(attribute) }} as {{ attribute.name }},
    {%- endfor %}
    {{ filled('referrer_id') }} as referrer_id,
    {{ filled('merged_into') }} as merged_into,
    {{ filled('merged_ids') }} as merged_ids,
    lower({{ filled('social_handle') }}) as social_handle,
    created_at,
    updated_at,
    first_delivery
from held
where valid_to is null or valid_from < valid_to
