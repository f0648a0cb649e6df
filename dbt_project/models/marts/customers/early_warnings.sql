-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    customer_key,
    as_of_date,
    signal,
    strength,
    since,
    sentence
from {{ source('scoring', 'early_warnings') }}
where as_of_date = {{ as_of_date() }}
