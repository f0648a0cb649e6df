with orders as (
    select *, {{ month_of('ordered_on') }} as month
    from {{ ref('fct_orders') }}
    where customer_key is not null
),

costs as (
    select month, sum(acquisition_cost) as acquisition_cost from {{ ref('medium_costs') }} group by month
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
    {{ months_since(ref('fct_orders'), 'ordered_on') }}
),

-- Months in which nobody of a cohort came back are shown as well, as zero.
grid as (
    select
        cohorts.cohort_month,
        months.month,
        cohorts.customers
    from cohorts
    inner join months on cohorts.cohort_month <= months.month
),

activity as (
    select
        customers.cohort_month,
        orders.month,
        count(distinct orders.customer_key) filter (where orders.is_counted) as active,
        sum(orders.revenue) as revenue,
        sum(orders.margin) as margin
    from orders
    inner join customers on orders.customer_key = customers.customer_key
    group by customers.cohort_month, orders.month
),

so_far as (
    select
        grid.cohort_month,
        grid.month,
        grid.customers,
        coalesce(activity.active, 0) as active,
        coalesce(activity.revenue, 0) as revenue,
        coalesce(activity.margin, 0) as margin,
        sum(coalesce(activity.revenue, 0)) over months_so_far as cumulative_revenue,
        sum(coalesce(activity.margin, 0)) over months_so_far as cumulative_margin,
        costs.acquisition_cost
    from grid
    left join activity on grid.cohort_month = activity.cohort_month and grid.month = activity.month
    left join costs on grid.cohort_month = costs.month
    window months_so_far as (
        partition by grid.cohort_month order by grid.month nulls last rows between unbounded preceding and current row
    )
)

select
    cohort_month,
    {{ months_between('cohort_month', 'month') }} as month_number,
    month,
    customers,
    active,
    {{ ratio('active', 'customers') }} as retention_rate,
    cast(revenue as decimal(18, 2)) as revenue,
    cast(margin as decimal(18, 2)) as margin,
    cast(cumulative_revenue as decimal(18, 2)) as cumulative_revenue,
    cast(cumulative_margin as decimal(18, 2)) as cumulative_margin,
    {{ to_price(ratio('cumulative_revenue', 'customers')) }} as cumulative_revenue_per_customer,
    {{ to_price(ratio('cumulative_margin', 'customers')) }} as cumulative_margin_per_customer,
    {{ to_price(ratio('acquisition_cost', 'customers')) }} as acquisition_cost_per_customer,
    cumulative_margin >= acquisition_cost as is_paid_back
from so_far
