-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    customer_key,
    as_of_date,
    question,
    probability,
    reason_1,
    reason_2,
    reason_3,
    model_version
from {{ source('scoring', 'own_questions') }}
where as_of_date = {{ as_of_date() }}
