-- Everything about a person that may be shown: no column here is personal data in the contracts' sense.

{%- set scores = ['rfm', 'clv', 'churn', 'personas', 'propensity', 'loyalty', 'customer_sentiment',
                  'next_best_actions'] %}
{%- set shares = 'greatest(features.share_' ~ sales_channels() | join(', features.share_') ~ ')' %}

with people as (
    select * from {{ ref('dim_customers') }}
),

features as (
    select * from {{ ref('current_features') }}
),

stages as (
    select * from {{ ref('lifecycle_states') }} where valid_to is null
),

-- Openings are not asked for: mail programs open by themselves.
responses as (
    select
        customer_key,
        {{ local_date('greatest(max(clicked_at), max(redeemed_at))') }} as last_response_on
    from {{ ref('fct_campaign_contacts') }}
    where customer_key is not null
    group by customer_key
),

referrals as (
    select * from {{ ref('referral_value') }}
),

payments as (
    select * from {{ ref('customer_payments') }}
),

{%- for table in scores %}

{{ table }} as (
    select * from {{ source('scoring', table) }} where as_of_date = {{ as_of_date() }}
){{ ',' if not loop.last }}
{%- endfor %}

select
    people.customer_key,
    people.customer_id,
    {{ as_of_date() }} as as_of_date,
    people.gender,
    people.city,
    people.state,
    people.country,
    people.age_band,
    people.income_band,
    people.household_size,
    people.acquisition_medium,
    people.referrer_customer_key,
    people.consent_email,
    people.consent_phone,
    people.consent_post,
    people.consent_push,
    people.consent_profiling,
    people.consent_on,
    people.known_since,
    people.records,
    people.systems,
    people.has_profile,
    features.tenure_days,
    features.first_order_on,
    features.last_order_on,
    features.orders_lifetime,
    features.order_days,
    features.t_x_days as days_from_first_to_last_order,
    features.age_days as days_since_first_order,
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
    features.mean_gap_days as mean_days_between_orders,
    features.sd_gap_days as spread_of_days_between_orders,
    features.return_share,
    features.discount_share,
    features.units_per_order,
    {%- for channel in sales_channels() %}
    features.share_{{ channel }},
    {%- endfor %}
    case {{ shares }}
        {%- for channel in sales_channels() %}
        when features.share_{{ channel }} then '{{ channel }}'
        {%- endfor %}
    end as favourite_sales_channel,
    features.top_category as favourite_category,
    payments.favourite_payment_method,
    payments.mean_instalments,
    payments.unpaid_amount,
    features.sessions_90d as visits_90d,
    {{ add_days(as_of_date(), '-features.days_since_visit') }} as last_visit_on,
    features.contacts_90d,
    {{ add_days(as_of_date(), '-features.days_since_contact') }} as last_contact_on,
    responses.last_response_on,
    features.unsubscribed as has_unsubscribed,
    features.open_tickets,
    features.tickets_12m,
    features.last_ticket_satisfaction,
    features.last_nps,
    features.last_csat,
    features.is_member as is_loyalty_member,
    features.tier as loyalty_tier,
    cast(features.points_balance as decimal(18, 2)) as points_balance,
    {{ points_value('features.points_balance') }} as points_value,
    features.referrals_made as invitations,
    coalesce(referrals.people_brought, 0) as people_brought,
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
    clv.is_clv_interval_calibrated,
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
left join responses on people.customer_key = responses.customer_key
left join referrals on people.customer_key = referrals.customer_key
left join payments on people.customer_key = payments.customer_key
left join rfm on people.customer_key = rfm.customer_key
left join clv on people.customer_key = clv.customer_key
left join churn on people.customer_key = churn.customer_key
left join personas on people.customer_key = personas.customer_key
left join propensity on people.customer_key = propensity.customer_key
left join loyalty on people.customer_key = loyalty.customer_key
left join customer_sentiment on people.customer_key = customer_sentiment.customer_key
left join next_best_actions on people.customer_key = next_best_actions.customer_key
