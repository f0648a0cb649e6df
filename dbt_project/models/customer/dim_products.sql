select
    product_key,
    system,
    product_id,
    product_name,
    category_path,
    category,
    brand,
    unit_cost
from {{ ref('stg_products') }}
