-- The sums behind market_trends: of orders by category first, since that is where most rows go.

with lines as (
    select *, {{ month_of('ordered_on') }} as month from {{ ref('fct_order_lines') }}
),

products as (
    select product_key, category from {{ ref('dim_products') }}
),

by_product as (
    select
        month,
        product_key,
        sum(quantity) as units,
        sum(revenue) as revenue,
        sum(quantity) filter (where kind = 'sale' and status = 'completed') as units_sold,
        sum(revenue) filter (where kind = 'sale' and status = 'completed') as revenue_sold
    from lines
    group by month, product_key
),

-- What this month's units of a product would have cost at its price of the same month a year before.
repriced as (
    select
        this_year.*,
        coalesce(products.category, 'unknown') as category,
        case
            when last_year.units_sold > 0 and this_year.units_sold > 0
                then {{ to_price('this_year.units_sold * (' ~ ratio('last_year.revenue_sold', 'last_year.units_sold')
                                 ~ ')') }}
        end as revenue_at_old_prices
    from by_product as this_year
    left join by_product as last_year
        on
            this_year.product_key = last_year.product_key
            and this_year.month = {{ add_months('last_year.month', 12) }}
    left join products on this_year.product_key = products.product_key
),

amounts as (
    select
        month,
        category,
        sum(units) as units,
        sum(revenue) as revenue,
        {{ ratio('sum(revenue_sold)', 'sum(units_sold)') }} as average_price,
        {{ ratio('sum(revenue_sold) filter (where revenue_at_old_prices > 0)',
                 'sum(revenue_at_old_prices) filter (where revenue_at_old_prices > 0)') }} as price_index
    from repriced
    group by month, category
),

baskets as (
    select
        lines.month,
        coalesce(products.category, 'unknown') as category,
        lines.order_key,
        min(lines.customer_key) as customer_key
    from lines
    left join products on lines.product_key = products.product_key
    where lines.kind = 'sale' and lines.status = 'completed'
    group by lines.month, coalesce(products.category, 'unknown'), lines.order_key
),

buyer_months as (
    select
        month,
        category,
        customer_key,
        count(*) as orders,
        min(month) over (partition by category, customer_key) as first_month
    from baskets
    group by month, category, customer_key
),

people as (
    select
        month,
        category,
        sum(orders) as orders,
        count(customer_key) as buyers,
        count(customer_key) filter (where month = first_month) as new_buyers
    from buyer_months
    group by month, category
)

select
    amounts.month,
    amounts.category,
    cast(coalesce(people.orders, 0) as bigint) as orders,
    cast(amounts.units as decimal(18, 3)) as units,
    cast(amounts.revenue as decimal(18, 2)) as revenue,
    {{ to_price('amounts.average_price') }} as average_price,
    amounts.price_index,
    coalesce(people.buyers, 0) as buyers,
    coalesce(people.new_buyers, 0) as new_buyers
from amounts
left join people on amounts.month = people.month and amounts.category = people.category
