-- What each person bought and brought back, day by day. A refund counts on its own day: until then nobody knew of it.

with orders as (
    select * from {{ ref('fct_orders') }} where customer_key is not null
),

movements as (
    select
        customer_key,
        ordered_on as day,
        is_counted,
        sales_channel,
        coupon_code,
        units,
        discount_amount,
        revenue + refunded_amount as revenue,
        margin + refunded_margin as margin,
        returned_amount - refunded_amount as returned_amount
    from orders
    union all
    select
        customer_key,
        coalesce(refunded_on, ordered_on) as day,
        false as is_counted,
        null as sales_channel,
        null as coupon_code,
        null as units,
        0 as discount_amount,
        -refunded_amount as revenue,
        -refunded_margin as margin,
        refunded_amount as returned_amount
    from orders
    where refunded_amount <> 0
),

days as (
    select
        customer_key,
        day,
        count(*) filter (where is_counted) as orders,
        count(*) filter (where is_counted and sales_channel is not null) as orders_with_sales_channel,
        {%- for sales_channel in sales_channels() %}
        count(*) filter (where is_counted and sales_channel = '{{ sales_channel }}') as orders_{{ sales_channel }},
        {%- endfor %}
        count(*) filter (where is_counted and coupon_code is not null) as orders_with_coupon,
        count(*) filter (where is_counted and units is not null) as orders_with_units,
        sum(units) filter (where is_counted) as units,
        sum(revenue) filter (where is_counted) as counted_revenue,
        sum(discount_amount) filter (where is_counted) as discount_amount,
        sum(revenue) as revenue,
        sum(margin) as margin,
        sum(returned_amount) as returned_amount
    from movements
    group by customer_key, day
)

-- The gap to the previous day with an order; days with only returns or cancellations are passed over.
select
    *,
    orders > 0 as has_order,
    -- Counted from a Monday: the number of a weekday differs between databases.
    case when ({{ days_between("date '1970-01-05'", 'day') }}) % 7 >= 5 then orders else 0 end as orders_on_weekend,
    case
        when orders > 0
            then {{ days_between(
                'lag(day) over (partition by customer_key, orders > 0 order by day nulls last)', 'day'
            ) }}
    end as gap_days
from days
