-- What the customer records of a person say together: on each day on which one of them changes, the values are chosen
-- anew from the versions that the records have by then.

with person_map as (
    select record_id, customer_key from {{ source('identity', 'person_map') }}
),

versions as (
    select * from {{ ref('stg_customer_versions') }}
),

person_versions as (
    select
        person_map.customer_key,
        versions.*,
        coalesce(versions.updated_at, versions.created_at) as version_at,
        coalesce(versions.{{ golden_names(['address']) | join(', versions.') }}) is not null as has_address
    from versions
    inner join person_map on versions.record_id = person_map.record_id
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
            partition by person_records.record_id order by profile_days.day nulls last
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
)

-- The lines of an address are of one record: the empty text stands for a line that it does not have.
select
    customer_key,
    {%- for attribute in golden_names(['customers', 'orders', 'age']) %}
    min_by({{ attribute }}, priority) filter (where {{ attribute }} is not null) as {{ attribute }},
    {%- endfor %}
    {%- for attribute in golden_names(['address']) %}
    min_by(coalesce({{ attribute }}, ''), priority) filter (where has_address) as {{ attribute }},
    {%- endfor %}
    {%- for attribute in golden_names(['identifiers']) %}
    {%- set is_given = without_stand_in(attribute) ~ ' is not null' %}
    min_by({{ attribute }}, priority) filter (where {{ is_given }}) as {{ attribute }},
    {%- endfor %}
    day
from ranked_versions
group by customer_key, day
