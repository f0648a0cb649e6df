-- From which categories each person bought in the 12 months up to each as-of date, valued before later refunds.

with lines as (
    select * from {{ ref('fct_order_lines') }}
    where customer_key is not null and kind = 'sale' and status = 'completed'
),

products as (
    select product_key, category from {{ ref('dim_products') }} where category is not null
),

dates as (
    select as_of_date, months_12_before from {{ ref('as_of_dates') }}
),

-- A name takes more room than its number; the numbers follow the alphabet.
categories as (
    select category, cast(row_number() over (order by category nulls last) as integer) as category_number
    from products
    group by category
),

days as (
    select distinct ordered_on as day from lines
),

-- Days which the same as-of dates look back on are one period.
periods as (
    select days.day, min(dates.as_of_date) as first_date, max(dates.as_of_date) as last_date
    from days
    inner join dates on days.day <= dates.as_of_date and days.day > dates.months_12_before
    group by days.day
),

bought as (
    select
        lines.customer_key,
        categories.category_number,
        periods.first_date,
        periods.last_date,
        cast(sum(lines.revenue + lines.refunded_amount) as decimal(18, 2)) as revenue
    from lines
    inner join products on lines.product_key = products.product_key
    inner join categories on products.category = categories.category
    inner join periods on lines.ordered_on = periods.day
    group by lines.customer_key, categories.category_number, periods.first_date, periods.last_date
),

by_category as (
    select
        bought.customer_key,
        dates.as_of_date,
        bought.category_number,
        cast(sum(bought.revenue) as decimal(18, 2)) as revenue,
        -- Of several categories with the same revenue the first by name comes first.
        cast(round(sum(bought.revenue) * 100) as bigint) * 1000000 - bought.category_number as precedence
    from bought
    inner join dates on dates.as_of_date between bought.first_date and bought.last_date
    group by bought.customer_key, dates.as_of_date, bought.category_number
),

summed as (
    select
        customer_key,
        as_of_date,
        count(*) as categories_12m,
        max(revenue) as top_revenue,
        sum(revenue) as revenue,
        max_by(category_number, precedence) as top_number
    from by_category
    group by customer_key, as_of_date
)

select
    summed.customer_key,
    summed.as_of_date,
    summed.categories_12m,
    categories.category as top_category,
    {{ ratio('summed.top_revenue', 'summed.revenue') }} as top_category_share
from summed
inner join categories on summed.top_number = categories.category_number
