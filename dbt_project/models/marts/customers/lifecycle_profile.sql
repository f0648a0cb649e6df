{%- set shares = sales_channels() %}

with customers as (
    select * from {{ ref('customer_360') }}
),

answers as (
    select customer_key, last_nps, last_csat
    from {{ ref('current_features') }}
),

-- To more than cents: what a stage is worth is rounded once.
clv as (
    select customer_key, cast(clv_predicted as decimal(18, 4)) as clv_predicted
    from {{ source('scoring', 'clv') }}
    where as_of_date = {{ as_of_date() }}
),

segments as (
    select lifecycle_stage as stage, rfm_segment, count(*) as people
    from customers
    where rfm_segment is not null
    group by lifecycle_stage, rfm_segment
),

top_segments as (
    select stage, rfm_segment, people
    from segments
    qualify row_number() over (partition by stage order by people desc, rfm_segment asc nulls last) = 1
),

-- Means of exact numbers: of floating-point ones the last digit would hang on their order.
stages as (
    select
        customers.lifecycle_stage as stage,
        count(*) as people,
        sum(customers.revenue_12m) as revenue_12m,
        sum(customers.margin_12m) as margin_12m,
        sum(clv.clv_predicted) as customer_equity,
        {{ mean('clv.clv_predicted') }} as clv_predicted,
        {{ mean('cast(customers.churn_probability as decimal(18, 9))') }} as churn_probability,
        {{ mean('customers.recency_days') }} as recency_days,
        {{ mean('customers.orders_12m') }} as orders_12m,
        {{ mean('customers.avg_order_value') }} as avg_order_value,
        {%- for sales_channel in shares %}
        {{ mean('cast(customers.share_' ~ sales_channel ~ ' as decimal(18, 9))') }} as share_{{ sales_channel }},
        {%- endfor %}
        count(*) filter (where customers.consent_email) as consenting,
        count(answers.last_nps) as nps_answers,
        count(*) filter (where answers.last_nps >= 9) as promoters,
        count(*) filter (where answers.last_nps <= 6) as detractors,
        count(answers.last_csat) as csat_answers,
        count(*) filter (where answers.last_csat >= 0.75) as satisfied,
        {{ mean(days_between('customers.lifecycle_since', 'customers.as_of_date')) }} as days_in_stage
    from customers
    left join answers on customers.customer_key = answers.customer_key
    left join clv on customers.customer_key = clv.customer_key
    group by customers.lifecycle_stage
)

select
    stages.stage,
    {{ as_of_date() }} as as_of_date,
    stages.people,
    {{ ratio('stages.people', 'sum(stages.people) over ()') }} as share,
    cast(coalesce(stages.revenue_12m, 0) as decimal(18, 2)) as revenue_12m,
    cast(coalesce(stages.margin_12m, 0) as decimal(18, 2)) as margin_12m,
    {{ to_money('stages.customer_equity') }} as customer_equity,
    {{ to_price('stages.clv_predicted') }} as clv_predicted,
    cast(stages.churn_probability as double) as churn_probability,
    stages.recency_days,
    stages.orders_12m,
    {{ to_price('stages.avg_order_value') }} as avg_order_value,
    {%- for sales_channel in shares %}
    cast(stages.share_{{ sales_channel }} as double) as share_{{ sales_channel }},
    {%- endfor %}
    {{ ratio('stages.consenting', 'stages.people') }} as consent_email_share,
    100 * {{ ratio('stages.promoters - stages.detractors', 'stages.nps_answers') }} as nps,
    {{ ratio('stages.satisfied', 'stages.csat_answers') }} as csat,
    stages.days_in_stage,
    top_segments.rfm_segment as top_segment,
    {{ ratio('top_segments.people', 'stages.people') }} as top_segment_share
from stages
left join top_segments on stages.stage = top_segments.stage
