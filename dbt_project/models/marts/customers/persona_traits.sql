-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    as_of_date,
    persona_number,
    persona,
    trait,
    label,
    mean,
    mean_of_all,
    difference
from {{ source('scoring', 'persona_traits') }}
where as_of_date = {{ as_of_date() }}
