{{ config(meta={'dagster': {'ref': {'name': 'customer_360'}}}) }}

select people.customer_key as in_customer, customer_360.customer_key as in_customer_360
from {{ ref('dim_customers') }} as people
full outer join {{ ref('customer_360') }} as customer_360 on people.customer_key = customer_360.customer_key
where people.customer_key is null or customer_360.customer_key is null
