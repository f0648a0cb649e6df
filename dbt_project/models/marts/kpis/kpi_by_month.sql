-- The KPIs that seeds/kpi_definitions.csv explains, as columns.

with orders as (
    select *, {{ month_of('ordered_on') }} as month from {{ ref('fct_orders') }}
),

months as (
    select
        month_start as month,
        least({{ month_end('month_start') }}, {{ as_of_date() }}) as last_day,
        {{ month_end('month_start') }} <= {{ as_of_date() }} as is_complete
    from ({{ month_spine('(select min(ordered_on) from ' ~ ref('fct_orders') ~ ')', as_of_date()) }}) as spine
),

order_totals as (
    select
        month,
        count(*) filter (where is_counted) as orders,
        count(*) filter (where is_counted and customer_key is not null) as orders_of_customers,
        count(*) filter (where is_counted and units is not null) as orders_with_units,
        sum(units) filter (where is_counted) as units,
        sum(revenue) as revenue,
        sum(revenue) filter (where is_counted and customer_key is not null) as known_revenue,
        sum(revenue) filter (where is_counted) as counted_revenue,
        sum(discount_amount) filter (where is_counted) as discount_amount,
        sum(returned_amount) as returned_amount,
        sum(margin) as gross_margin
    from orders
    group by month
),

order_days as (
    select distinct customer_key, ordered_on, month from orders where is_counted and customer_key is not null
),

customer_months as (
    select
        customer_key,
        month,
        min(month) over (partition by customer_key) as first_month,
        lag(month) over (partition by customer_key order by month) as previous_month
    from (select distinct customer_key, month from order_days) as months_with_order
),

customer_totals as (
    select
        month,
        count(*) as active_customers,
        count(*) filter (where month = first_month) as new_customers,
        count(*) filter (where previous_month = {{ add_months('month', -1) }}) as retained_customers
    from customer_months
    group by month
),

-- A customer lapses on the day after the churn horizon, unless an order comes before, and is back with the next order.
-- Counting both kinds of event by month avoids joining each customer to each month.
lapses as (
    select
        {{ add_days('ordered_on', (var('churn_horizon_days') | int) + 1) }} as lapsed_on,
        lead(ordered_on) over (partition by customer_key order by ordered_on) as back_on
    from order_days
),

lapse_events as (
    select {{ month_of('lapsed_on') }} as month, 1 as change
    from lapses
    where lapsed_on <= {{ as_of_date() }} and (back_on is null or back_on >= lapsed_on)
    union all
    select {{ month_of('back_on') }} as month, -1 as change
    from lapses
    where back_on >= lapsed_on
),

lapse_totals as (
    select month, sum(change) as change from lapse_events group by month
),

joined as (
    select
        months.month,
        months.last_day,
        months.is_complete,
        coalesce(order_totals.orders, 0) as orders,
        coalesce(order_totals.revenue, 0) as revenue,
        coalesce(order_totals.gross_margin, 0) as gross_margin,
        coalesce(customer_totals.active_customers, 0) as active_customers,
        coalesce(customer_totals.new_customers, 0) as new_customers,
        coalesce(customer_totals.retained_customers, 0) as retained_customers,
        lag(customer_totals.active_customers) over (order by months.month) as active_customers_before,
        sum(customer_totals.new_customers) over (order by months.month) as customers_so_far,
        coalesce(sum(lapse_totals.change) over (order by months.month), 0) as lapsed_customers,
        order_totals.orders_of_customers,
        order_totals.orders_with_units,
        order_totals.units,
        order_totals.known_revenue,
        order_totals.counted_revenue,
        order_totals.discount_amount,
        order_totals.returned_amount
    from months
    left join order_totals on months.month = order_totals.month
    left join customer_totals on months.month = customer_totals.month
    left join lapse_totals on months.month = lapse_totals.month
)

select
    month,
    last_day,
    is_complete,
    active_customers,
    new_customers,
    orders,
    {{ ratio('orders_of_customers', 'active_customers') }} as purchase_frequency,
    {{ ratio('units', 'orders_with_units') }} as units_per_order,
    cast(revenue as decimal(18, 2)) as revenue,
    cast(gross_margin as decimal(18, 2)) as gross_margin,
    {{ ratio('revenue', 'orders') }} as average_order_value,
    {{ ratio('discount_amount', 'counted_revenue + discount_amount') }} as discount_share,
    {{ ratio('returned_amount', 'revenue + returned_amount') }} as return_rate,
    {{ ratio('active_customers - new_customers', 'active_customers') }} as repurchase_rate,
    {{ ratio('retained_customers', 'active_customers_before') }} as retention_rate,
    {{ ratio('lapsed_customers', 'customers_so_far') }} as churned_share,
    {{ ratio('coalesce(known_revenue, 0)', 'counted_revenue') }} as known_revenue_share
from joined
