-- Everything about a person that may be shown: no column here is personal data in the contracts' sense.

with people as (
    select * from {{ ref('dim_customers') }}
),

features as (
    select * from {{ ref('current_features') }}
),

stages as (
    select * from {{ ref('lifecycle_states') }} where valid_to is null
),

rfm as (
    select * from {{ source('scoring', 'rfm') }} where as_of_date = {{ as_of_date() }}
),

clv as (
    select * from {{ source('scoring', 'clv') }} where as_of_date = {{ as_of_date() }}
),

churn as (
    select * from {{ source('scoring', 'churn') }} where as_of_date = {{ as_of_date() }}
),

personas as (
    select * from {{ source('scoring', 'personas') }} where as_of_date = {{ as_of_date() }}
),

propensity as (
    select * from {{ source('scoring', 'propensity') }} where as_of_date = {{ as_of_date() }}
),

loyalty as (
    select * from {{ source('scoring', 'loyalty') }} where as_of_date = {{ as_of_date() }}
),

customer_sentiment as (
    select * from {{ source('scoring', 'customer_sentiment') }} where as_of_date = {{ as_of_date() }}
),

next_best_actions as (
    select * from {{ source('scoring', 'next_best_actions') }} where as_of_date = {{ as_of_date() }}
)

select
    people.customer_key,
    people.customer_id,
    {{ as_of_date() }} as as_of_date,
    people.gender,
    people.city,
    people.country,
    people.age_band,
    people.income_band,
    people.household_size,
    people.acquisition_medium,
    people.consent_email,
    people.consent_phone,
    people.known_since,
    people.records,
    people.systems,
    people.has_profile,
    features.tenure_days,
    features.first_order_on,
    features.last_order_on,
    features.orders_lifetime,
    features.order_days,
    features.t_x_days,
    features.age_days,
    features.recency_days,
    features.revenue_lifetime,
    features.margin_lifetime,
    features.orders_24m,
    features.revenue_24m,
    features.orders_12m,
    features.revenue_12m,
    features.margin_12m,
    features.orders_90d,
    features.revenue_90d,
    features.orders_prev_90d,
    features.revenue_prev_90d,
    {{ to_price('features.avg_order_value') }} as avg_order_value,
    features.mean_gap_days,
    features.sd_gap_days,
    features.return_share,
    features.discount_share,
    features.units_per_order,
    features.share_store,
    features.share_web,
    features.share_app,
    features.share_marketplace,
    stages.stage as lifecycle_stage,
    case
        when people.known_since is not null or stages.stage <> 'prospect' then stages.valid_from
    end as lifecycle_since,
    rfm.r as rfm_recency,
    rfm.f as rfm_frequency,
    rfm.m as rfm_monetary,
    rfm.rfm_code,
    rfm.rfm_segment,
    clv.p_alive,
    clv.expected_orders,
    clv.next_order_on,
    {{ to_money('clv.clv_historic') }} as clv_historic,
    {{ to_money('clv.clv_predicted') }} as clv_predicted,
    {{ to_money('clv.clv_lower') }} as clv_lower,
    {{ to_money('clv.clv_upper') }} as clv_upper,
    churn.churn_probability,
    churn.risk_band as churn_risk_band,
    churn.reason_1 as churn_reason_1,
    churn.reason_2 as churn_reason_2,
    churn.reason_3 as churn_reason_3,
    propensity.purchase_probability,
    loyalty.loyalty_score,
    loyalty.loyalty_stage,
    customer_sentiment.sentiment_last_12m,
    personas.persona_number,
    personas.persona,
    personas.is_outlier,
    personas.niche,
    next_best_actions.action as next_best_action,
    next_best_actions.contact_channel as next_best_contact_channel,
    {{ to_price('next_best_actions.expected_value') }} as next_best_value
from people
left join features on people.customer_key = features.customer_key
left join stages on people.customer_key = stages.customer_key
left join rfm on people.customer_key = rfm.customer_key
left join clv on people.customer_key = clv.customer_key
left join churn on people.customer_key = churn.customer_key
left join personas on people.customer_key = personas.customer_key
left join propensity on people.customer_key = propensity.customer_key
left join loyalty on people.customer_key = loyalty.customer_key
left join customer_sentiment on people.customer_key = customer_sentiment.customer_key
left join next_best_actions on people.customer_key = next_best_actions.customer_key
