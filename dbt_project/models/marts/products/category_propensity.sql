select
    customer_key,
    as_of_date,
    category,
    probability,
    is_new,
    model_version
from {{ source('scoring', 'category_propensity') }}
where as_of_date = {{ as_of_date() }}
