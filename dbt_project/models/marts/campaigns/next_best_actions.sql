with scored as (
    select * from {{ source('scoring', 'next_best_actions') }} where as_of_date = {{ as_of_date() }}
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    scored.customer_key,
    scored.as_of_date,
    scored.action,
    scored.contact_channel,
    scored.category,
    scored.product_key,
    {{ to_price('scored.expected_value') }} as expected_value,
    {{ to_price('scored.cost') }} as cost,
    scored.basis,
    scored.reason,
    scored.priority,
    products.product_id,
    products.product_name,
    products.category as product_category
from scored
left join products on scored.product_key = products.product_key
