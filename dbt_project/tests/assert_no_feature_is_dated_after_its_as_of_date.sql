{{ config(meta={'dagster': {'ref': {'name': 'sampled_features'}}}) }}

select customer_key, as_of_date, last_order_on
from {{ ref('sampled_features') }}
where
    as_of_date > {{ as_of_date() }}
    or first_order_on > as_of_date
    or last_order_on > as_of_date
    {%- for days in ['tenure_days', 'days_since_visit', 'days_since_contact', 'days_since_survey',
                     'days_since_redemption'] %}
    or {{ days }} < 0
    {%- endfor %}
