-- What each category sells month by month, against the month and the year before, at what prices, in what season.

with monthly as (
    select * from {{ ref('category_months') }}
),

months as (
    {{ months_since(ref('category_months'), 'month') }}
),

categories as (
    select category, min(month) as first_month from monthly group by category
),

-- A month in which nothing of a category was sold is a month too.
grid as (
    select
        months.month,
        categories.category,
        months.is_complete,
        coalesce(monthly.orders, 0) as orders,
        coalesce(monthly.units, 0) as units,
        coalesce(monthly.revenue, 0) as revenue,
        coalesce(monthly.buyers, 0) as buyers,
        coalesce(monthly.new_buyers, 0) as new_buyers,
        monthly.average_price,
        monthly.price_index
    from categories
    inner join months on categories.first_month <= months.month
    left join monthly on categories.category = monthly.category and months.month = monthly.month
),

-- Seasons are those of whole calendar years alone.
years as (
    select
        category,
        {{ year_of('month') }} as year,
        sum(revenue) as revenue
    from grid
    group by category, {{ year_of('month') }}
    having count(*) = 12 and bool_and(is_complete)
),

seasons as (
    select
        grid.category,
        extract(month from grid.month) as month_of_year,
        cast(round({{ mean(ratio('grid.revenue * 12', 'years.revenue')) }}, 9) as double) as season_index
    from grid
    inner join years on grid.category = years.category and {{ year_of('grid.month') }} = years.year
    group by grid.category, extract(month from grid.month)
),

compared as (
    select
        *,
        sum(revenue) over (partition by month) as revenue_of_month,
        lag(revenue, 1) over so_far as previous_revenue,
        lag(revenue, 12) over so_far as previous_year_revenue
    from grid
    window so_far as (partition by category order by month nulls last)
)

select
    compared.month,
    compared.category,
    compared.is_complete,
    compared.orders,
    cast(compared.units as decimal(18, 3)) as units,
    cast(compared.revenue as decimal(18, 2)) as revenue,
    {{ ratio('compared.revenue', 'compared.revenue_of_month') }} as revenue_share,
    case
        when compared.previous_revenue > 0
            then {{ ratio('compared.revenue - compared.previous_revenue', 'compared.previous_revenue') }}
    end as growth_month,
    case
        when compared.previous_year_revenue > 0
            then {{ ratio('compared.revenue - compared.previous_year_revenue', 'compared.previous_year_revenue') }}
    end as growth_year,
    {{ to_price('compared.average_price') }} as average_price,
    compared.price_index,
    seasons.season_index,
    compared.buyers,
    compared.new_buyers
from compared
left join seasons
    on
        compared.category = seasons.category
        and extract(month from compared.month) = seasons.month_of_year
