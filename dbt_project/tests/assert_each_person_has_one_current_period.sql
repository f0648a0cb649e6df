{{ config(meta={'dagster': {'ref': {'name': 'dim_customers_history'}}}) }}

-- The golden record is the current period: who had none, or two, would be nobody, or twice.
with periods as (
    select customer_key, count(*) as number
    from {{ ref('dim_customers_history') }}
    where is_current
    group by customer_key
)

select people.customer_key as in_golden_record, periods.customer_key as in_history, periods.number
from {{ ref('dim_customers') }} as people
full outer join periods on people.customer_key = periods.customer_key
where people.customer_key is null or periods.number is distinct from 1
