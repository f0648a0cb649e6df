with products as (
    select * from {{ ref('stg_products') }}
),

product_map as (
    select * from {{ source('identity', 'product_map') }}
)

select
    products.product_key as source_product_key,
    product_map.product_key,
    products.system,
    products.product_id,
    products.product_name,
    products.brand,
    products.ean,
    products.sku,
    products.unit_cost,
    product_map.joined_by,
    product_map.joined_value,
    product_map.problem
from products
inner join product_map on products.product_key = product_map.source_product_key
