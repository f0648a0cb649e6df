{{ config(meta={'dagster': {'ref': {'name': 'dim_customers_history'}}}) }}

-- Two ways lead to today's values: the ranking of customer_attributes, and the last day of the history.
{% set shared = [
    'first_name', 'last_name', 'email', 'phone', 'birth_date', 'gender', 'street', 'postal_code', 'city', 'country',
    'income_band', 'household_size', 'acquisition_medium', 'language', 'loyalty_id', 'consent_email', 'consent_phone',
    'consent_post', 'consent_push', 'consent_profiling',
] %}

with periods as (
    select * from {{ ref('dim_customers_history') }} where is_current
)

select people.customer_key as in_golden_record, periods.customer_key as in_history
from {{ ref('dim_customers') }} as people
full outer join periods on people.customer_key = periods.customer_key
where
    people.customer_key is null
    or periods.customer_key is null
    {%- for column in shared %}
    or people.{{ column }} is distinct from periods.{{ column }}
    {%- endfor %}
