{{ config(meta={'dagster': {'ref': {'name': 'current_features'}}}) }}

select people.customer_key
from {{ ref('dim_customers') }} as people
left join {{ ref('current_features') }} as features
    on people.customer_key = features.customer_key
where features.customer_key is null
