{%- set attributes = ['product_name', 'category_path', 'brand', 'ean', 'sku', 'unit_cost'] -%}
with products as (
    select * from {{ ref('stg_products') }}
),

product_map as (
    select * from {{ source('identity', 'product_map') }}
),

-- Each attribute is that of the most trusted source that gives it: the last one where they are read backwards.
told as (
    select
        product_map.product_key,
        product_map.system,
        product_map.product_id,
        product_map.source_rank,
        {%- for attribute in attributes %}
        {{ last_given('products.' ~ attribute, 'backwards') }} as {{ attribute }},
        {%- endfor %}
        count(*) over (partition by product_map.product_key) as sources
    from product_map
    inner join products on product_map.source_product_key = products.product_key
    window backwards as (
        partition by product_map.product_key
        order by product_map.source_rank desc nulls last rows between unbounded preceding and current row
    )
)

select
    product_key,
    system,
    product_id,
    product_name,
    category_path,
    trim(split_part(category_path, '>', 1)) as category,
    brand,
    ean,
    sku,
    unit_cost,
    sources
from told
where source_rank = 1
