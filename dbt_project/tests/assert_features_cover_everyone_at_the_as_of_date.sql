{{ config(meta={'dagster': {'ref': {'name': 'customer_features'}}}) }}

select people.customer_key
from {{ ref('dim_customers') }} as people
left join {{ ref('customer_features') }} as features
    on people.customer_key = features.customer_key and features.as_of_date = {{ as_of_date() }}
where features.customer_key is null
