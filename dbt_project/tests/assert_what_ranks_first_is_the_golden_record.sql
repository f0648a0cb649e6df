{{ config(meta={'dagster': {'ref': {'name': 'dim_customers'}}}) }}

-- Two ways lead to today's values: the last day of the history, and the ranking of what each record says.
{%- set attributes = golden_names(['customers', 'identifiers', 'orders', 'age']) %}

with golden_records as (
    {%- for attribute in attributes %}
    select customer_key, '{{ attribute }}' as attribute, cast({{ attribute }} as string) as attribute_value
    from {{ ref('dim_customers') }}
    where {{ attribute }} is not null
    union all
    {%- endfor %}
    select
        customer_key,
        'address' as attribute,
        concat_ws(', ', {{ golden_names(['address']) | join(', ') }}) as attribute_value
    from {{ ref('dim_customers') }}
    where coalesce({{ golden_names(['address']) | join(', ') }}) is not null
),

ranked_first as (
    select customer_key, attribute, attribute_value
    from {{ ref('customer_attributes') }}
    where rank = 1
)

select golden_records.customer_key as in_golden_record, ranked_first.customer_key as in_ranking
from golden_records
full outer join ranked_first
    on
        golden_records.customer_key = ranked_first.customer_key
        and golden_records.attribute = ranked_first.attribute
where golden_records.attribute_value is distinct from ranked_first.attribute_value
