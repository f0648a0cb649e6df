{{ config(meta={'dagster': {'ref': {'name': 'customer_features'}}}) }}

select customer_key, as_of_date, last_order_on
from {{ ref('customer_features') }}
where
    as_of_date > {{ as_of_date() }}
    or first_order_on > as_of_date
    or last_order_on > as_of_date
    or tenure_days < 0
