with listed as (
    select * from {{ source('raw', 'products') }}
    qualify row_number() over (partition by _system, trim(product_id) order by _delivery desc, _line desc) = 1
),

lines as (
    select * from {{ ref('stg_order_lines') }}
),

names as (
    select product_key, system, product_id, product_name, count(*) as times_used
    from lines
    where product_key is not null
    group by product_key, system, product_id, product_name
),

-- What was sold is a product, whether or not it is on a product list. Notes such as "damaged" stand on some lines in
-- place of the name, so the name that is used most often is taken.
sold as (
    select product_key, system, product_id, product_name
    from names
    qualify row_number() over (
        partition by product_key
        order by product_name is null asc nulls last, times_used desc, product_name asc nulls last
    ) = 1
),

-- A product that lines give several numbers has none that is sure.
numbers as (
    select
        product_key,
        case when min(ean) = max(ean) then max(ean) end as ean,
        case when min(sku) = max(sku) then max(sku) end as sku
    from lines
    where product_key is not null
    group by product_key
),

products as (
    select
        coalesce(listed._system, sold.system) as system,
        coalesce(trim(listed.product_id), sold.product_id) as product_id,
        coalesce({{ filled('listed.product_name') }}, sold.product_name) as product_name,
        {{ filled('listed.category_path') }} as category_path,
        {{ filled('listed.brand') }} as brand,
        coalesce({{ filled('listed.ean') }}, numbers.ean) as ean,
        coalesce({{ filled('listed.sku') }}, numbers.sku) as sku,
        listed.unit_cost,
        listed.product_id is not null as is_listed
    from listed
    full outer join sold on listed._system = sold.system and trim(listed.product_id) = sold.product_id
    left join numbers on sold.product_key = numbers.product_key
)

select
    {{ surrogate_key(['system', 'product_id']) }} as product_key,
    system,
    product_id,
    product_name,
    category_path,
    trim(split_part(category_path, '>', 1)) as category,
    brand,
    ean,
    sku,
    unit_cost,
    is_listed
from products
