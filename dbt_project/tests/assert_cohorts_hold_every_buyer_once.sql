{{ config(meta={'dagster': {'ref': {'name': 'cohort_retention'}}}) }}

with cohorts as (
    select coalesce(sum(customers), 0) as customers, coalesce(sum(active), 0) as active
    from {{ ref('cohort_retention') }}
    where month_number = 0
),

buyers as (
    select count(distinct customer_key) as customers from {{ ref('fct_orders') }} where is_counted
)

select cohorts.customers, cohorts.active, buyers.customers as buyers
from cohorts
cross join buyers
where cohorts.customers <> buyers.customers or cohorts.active <> buyers.customers
