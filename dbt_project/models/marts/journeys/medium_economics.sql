-- What it cost to win customers by the medium through which they came, and how soon their margin earned it back.

with orders as (
    select *, {{ month_of('ordered_on') }} as month from {{ ref('fct_orders') }} where customer_key is not null
),

people as (
    select customer_key, coalesce(lower(acquisition_medium), 'unknown') as medium from {{ ref('dim_customers') }}
),

costs as (
    select * from {{ ref('medium_costs') }}
),

attribution as (
    select * from {{ ref('medium_attribution') }} where method = 'markov'
),

first_months as (
    select customer_key, min(month) as month from orders where is_counted group by customer_key
),

customers as (
    select
        first_months.customer_key,
        first_months.month,
        people.medium
    from first_months
    inner join people on first_months.customer_key = people.customer_key
),

new_customers as (
    select month, medium, count(*) as new_customers from customers group by month, medium
),

margins as (
    select
        customers.month,
        customers.medium,
        {{ months_between('customers.month', 'orders.month') }} as month_number,
        sum(orders.margin) as margin
    from customers
    inner join orders on customers.customer_key = orders.customer_key
    group by customers.month, customers.medium, orders.month
),

margins_so_far as (
    select
        *,
        sum(margin) over (
            partition by month, medium order by month_number nulls last rows between unbounded preceding and current row
        ) as margin_so_far
    from margins
),

earned as (
    select
        margins_so_far.month,
        margins_so_far.medium,
        sum(margins_so_far.margin) filter (where margins_so_far.month_number between 0 and 11) as margin_12m,
        min(margins_so_far.month_number) filter (
            where margins_so_far.month_number >= 0 and margins_so_far.margin_so_far >= costs.acquisition_cost
        ) as payback_months
    from margins_so_far
    left join costs on margins_so_far.month = costs.month and margins_so_far.medium = costs.medium
    group by margins_so_far.month, margins_so_far.medium
),

rows_to_show as (
    select month, medium from new_customers
    union distinct
    select month, medium from costs
    union distinct
    select month, medium from attribution
)

select
    rows_to_show.month,
    rows_to_show.medium,
    coalesce(new_customers.new_customers, 0) as new_customers,
    costs.ad_spend,
    costs.campaign_cost,
    costs.acquisition_cost,
    {{ to_price(ratio('costs.acquisition_cost', 'new_customers.new_customers')) }} as cac,
    cast(earned.margin_12m as decimal(18, 2)) as margin_12m,
    {{ to_price(ratio('earned.margin_12m', 'new_customers.new_customers')) }} as margin_12m_per_customer,
    {{ month_end(add_months('rows_to_show.month', 11)) }} <= {{ as_of_date() }} as is_12m_complete,
    earned.payback_months,
    {{ add_months('rows_to_show.month', 'earned.payback_months') }} as payback_month,
    attribution.orders as attributed_orders,
    attribution.revenue as attributed_revenue,
    attribution.margin as attributed_margin,
    {{ ratio('attribution.margin', 'coalesce(costs.ad_spend, 0) + coalesce(costs.campaign_cost, 0)') }}
        as margin_per_spend
from rows_to_show
left join new_customers
    on rows_to_show.month = new_customers.month and rows_to_show.medium = new_customers.medium
left join costs on rows_to_show.month = costs.month and rows_to_show.medium = costs.medium
left join earned on rows_to_show.month = earned.month and rows_to_show.medium = earned.medium
left join attribution on rows_to_show.month = attribution.month and rows_to_show.medium = attribution.medium
