-- What each person had bought in all, from one day with purchases or returns until the next: summed once for each day,
-- where summing it for each as-of date would take many times as long.

with days as (
    select * from {{ ref('customer_days') }}
),

running as (
    select
        customer_key,
        day,
        lead(day) over (partition by customer_key order by day nulls last) as next_day,
        {%- for amount in ['orders', 'revenue', 'margin', 'counted_revenue', 'returned_amount', 'discount_amount',
                           'units', 'orders_with_units', 'orders_with_sales_channel', 'orders_store', 'orders_web',
                           'orders_app', 'orders_marketplace', 'orders_with_coupon', 'orders_on_weekend'] %}
        sum({{ amount }}) over so_far as {{ amount }},
        {%- endfor %}
        count(case when has_order then day end) over so_far as order_days,
        min(case when has_order then day end) over so_far as first_order_on,
        max(case when has_order then day end) over so_far as last_order_on,
        {{ mean('gap_days', over='so_far') }} as mean_gap_days,
        stddev_samp(gap_days) over so_far as sd_gap_days
    from days
    window so_far as (
        partition by customer_key order by day nulls last rows between unbounded preceding and current row
    )
)

select
    customer_key,
    day as valid_from,
    next_day as valid_to,
    first_order_on,
    last_order_on,
    order_days,
    cast(orders as bigint) as orders_lifetime,
    cast(revenue as decimal(18, 2)) as revenue_lifetime,
    cast(margin as decimal(18, 2)) as margin_lifetime,
    {{ ratio('revenue', 'orders') }} as avg_order_value,
    mean_gap_days,
    sd_gap_days,
    {{ ratio('returned_amount', 'revenue + returned_amount') }} as return_share,
    {{ ratio('discount_amount', 'counted_revenue + discount_amount') }} as discount_share,
    {{ ratio('units', 'orders_with_units') }} as units_per_order,
    {%- for sales_channel in sales_channels() %}
    {{ ratio('orders_' ~ sales_channel, 'orders_with_sales_channel') }} as share_{{ sales_channel }},
    {%- endfor %}
    {{ ratio('orders_with_coupon', 'orders') }} as coupon_share,
    {{ ratio('orders_on_weekend', 'orders') }} as weekend_share
from running
