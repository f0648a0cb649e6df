{{ config(meta={'dagster': {'ref': {'name': 'lifecycle_states'}}}) }}

-- What the features of an as-of date say of a person's orders, by another way, must fit the stage of that day.
with features as (
    select customer_key, as_of_date, order_days, recency_days from {{ ref('sampled_features') }}
),

states as (
    select * from {{ ref('lifecycle_states') }}
)

select features.customer_key, features.as_of_date, states.stage, features.order_days, features.recency_days
from features
left join states
    on
        features.customer_key = states.customer_key
        and features.as_of_date >= states.valid_from
        and (states.valid_to is null or features.as_of_date < states.valid_to)
where
    states.stage is null
    or (states.stage = 'prospect') <> (features.order_days = 0)
    or (states.stage = 'introduction' and features.order_days <> 1)
    or (states.stage in ('growth', 'maturity', 'reactivated') and features.order_days < 2)
    or (states.stage = 'churned' and features.recency_days <= {{ var('churn_horizon_days') }})
