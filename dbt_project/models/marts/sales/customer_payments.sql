with orders as (
    select * from {{ ref('fct_orders') }} where is_counted and customer_key is not null and paid_amount is not null
),

by_method as (
    select customer_key, payment_method, count(*) as orders
    from orders
    where payment_method is not null
    group by customer_key, payment_method
),

favourites as (
    select customer_key, payment_method
    from by_method
    qualify row_number() over (
        partition by customer_key order by orders desc, payment_method asc nulls last
    ) = 1
),

sums as (
    select
        customer_key,
        {{ mean('instalments') }} as mean_instalments,
        sum({{ unpaid('due_amount', 'paid_amount') }}) as unpaid_amount
    from orders
    group by customer_key
)

select
    sums.customer_key,
    favourites.payment_method as favourite_payment_method,
    cast(sums.mean_instalments as double) as mean_instalments,
    cast(sums.unpaid_amount as decimal(18, 2)) as unpaid_amount
from sums
left join favourites on sums.customer_key = favourites.customer_key
