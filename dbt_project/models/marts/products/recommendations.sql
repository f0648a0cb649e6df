with scored as (
    select * from {{ source('scoring', 'recommendations') }} where as_of_date = {{ as_of_date() }}
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    scored.customer_key,
    scored.as_of_date,
    scored.rank,
    scored.product_key,
    scored.score,
    scored.method,
    scored.because_of_product_key,
    scored.reason,
    scored.model_version,
    products.product_id,
    products.product_name,
    products.category as product_category
from scored
left join products on scored.product_key = products.product_key
