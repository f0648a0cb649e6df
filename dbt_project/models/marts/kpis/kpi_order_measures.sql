with segments as (
    {{ rfm_segments() }}
),

orders as (
    select
        orders.customer_key,
        orders.is_counted,
        orders.units,
        orders.revenue,
        orders.margin,
        orders.discount_amount,
        orders.returned_amount,
        {{ month_of('orders.ordered_on') }} as month,
        coalesce(orders.sales_channel, 'unknown') as sales_channel,
        {{ segment_of('orders.customer_key', 'segments.rfm_segment') }} as segment
    from {{ ref('fct_orders') }} as orders
    left join segments on orders.customer_key = segments.customer_key
)

select
    month,
    {{ dimension_columns(['sales_channel', 'segment']) }},
    count(*) filter (where is_counted) as orders,
    count(*) filter (where is_counted and customer_key is not null) as orders_of_customers,
    count(*) filter (where is_counted and units is not null) as orders_with_units,
    cast(coalesce(sum(units) filter (where is_counted), 0) as decimal(18, 3)) as units,
    {{ to_money('sum(revenue)') }} as revenue,
    {{ to_money('sum(margin)') }} as gross_margin,
    {{ to_money('coalesce(sum(discount_amount) filter (where is_counted), 0)') }} as discount_amount,
    {{ to_money('coalesce(sum(revenue + discount_amount) filter (where is_counted), 0)') }} as undiscounted_revenue,
    {{ to_money('sum(returned_amount)') }} as returned_amount,
    {{ to_money('sum(revenue + returned_amount)') }} as gross_revenue,
    {{ to_money('coalesce(sum(revenue) filter (where is_counted), 0)') }} as counted_revenue,
    {{ to_money('coalesce(sum(revenue) filter (where is_counted and customer_key is not null), 0)') }} as known_revenue
from orders
group by {{ each_dimension(['sales_channel', 'segment']) }}
