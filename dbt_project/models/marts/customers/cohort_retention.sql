with orders as (
    select *, {{ month_of('ordered_on') }} as month
    from {{ ref('fct_orders') }}
    where customer_key is not null
),

customers as (
    select customer_key, min(month) as cohort_month
    from orders
    where is_counted
    group by customer_key
),

cohorts as (
    select cohort_month, count(*) as customers from customers group by cohort_month
),

months as (
    {{ month_spine('(select min(ordered_on) from ' ~ ref('fct_orders') ~ ')', as_of_date()) }}
),

-- Months in which nobody of a cohort came back are shown as well, as zero.
grid as (
    select
        cohorts.cohort_month,
        months.month_start as month,
        cohorts.customers
    from cohorts
    inner join months on cohorts.cohort_month <= months.month_start
),

activity as (
    select
        customers.cohort_month,
        orders.month,
        count(distinct orders.customer_key) filter (where orders.is_counted) as active,
        sum(orders.revenue) as revenue
    from orders
    inner join customers on orders.customer_key = customers.customer_key
    group by customers.cohort_month, orders.month
)

select
    grid.cohort_month,
    {{ months_between('grid.cohort_month', 'grid.month') }} as month_number,
    grid.month,
    grid.customers,
    coalesce(activity.active, 0) as active,
    {{ ratio('coalesce(activity.active, 0)', 'grid.customers') }} as retention_rate,
    cast(coalesce(activity.revenue, 0) as decimal(18, 2)) as revenue
from grid
left join activity on grid.cohort_month = activity.cohort_month and grid.month = activity.month
