-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    as_of_date,
    personas,
    silhouette,
    stability,
    is_chosen
from {{ source('scoring', 'persona_choices') }}
where as_of_date = {{ as_of_date() }}
