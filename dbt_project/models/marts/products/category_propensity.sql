-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    customer_key,
    as_of_date,
    category,
    probability,
    is_new,
    model_version
from {{ source('scoring', 'category_propensity') }}
where as_of_date = {{ as_of_date() }}
