-- What was sold where orders are shipped to. Returns count on their own day, in the state that they name.

with orders as (
    select
        *,
        {{ month_of('ordered_on') }} as month,
        coalesce(country, 'unknown') as known_country,
        coalesce(state, 'unknown') as known_state
    from {{ ref('fct_orders') }}
)

select
    month,
    known_country as country,
    known_state as state,
    count(*) filter (where is_counted) as orders,
    count(distinct case when is_counted then customer_key end) as buyers,
    cast(sum(revenue) as decimal(18, 2)) as revenue,
    {{ ratio('sum(revenue)', 'sum(sum(revenue)) over (partition by month)') }} as revenue_share,
    cast(coalesce(sum(shipping_amount) filter (where status <> 'cancelled'), 0) as decimal(18, 2)) as shipping_amount,
    cast(coalesce(sum(tax_amount) filter (where status <> 'cancelled'), 0) as decimal(18, 2)) as tax_amount
from orders
group by month, known_country, known_state
