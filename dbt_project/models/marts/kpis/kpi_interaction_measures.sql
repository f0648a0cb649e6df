-- What people did of their own accord. Payments and points earned come with an order, which counts already.

with segments as (
    {{ rfm_segments() }}
),

channel_months as (
    select
        customer_key,
        {{ month_of('occurred_on') }} as month,
        contact_channel,
        count(*) as interactions
    from {{ ref('fct_touchpoints') }}
    where direction = 'inbound' and kind not in ('loyalty_earn', 'payment', 'payment_failed')
    group by all
),

customer_months as (
    select
        channel_months.customer_key,
        channel_months.month,
        {{ segment_of('channel_months.customer_key', 'segments.rfm_segment') }} as segment,
        sum(channel_months.interactions) as interactions
    from channel_months
    left join segments on channel_months.customer_key = segments.customer_key
    group by all
)

select
    month,
    {{ dimension_columns(['segment']) }},
    cast(sum(interactions) as bigint) as interactions,
    count(*) as interacting_customers
from customer_months
group by {{ each_dimension(['segment']) }}
union all
select
    month,
    'contact_channel' as dimension,
    contact_channel as dimension_value,
    cast(sum(interactions) as bigint) as interactions,
    count(*) as interacting_customers
from channel_months
group by month, contact_channel
