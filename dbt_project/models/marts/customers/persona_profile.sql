-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    as_of_date,
    persona_number,
    persona,
    description,
    people,
    share,
    revenue_12m,
    margin_12m,
    revenue_share,
    margin_share,
    silhouette,
    separation,
    jaccard,
    explained,
    stability,
    stability_since_last
from {{ source('scoring', 'persona_profiles') }}
where as_of_date = {{ as_of_date() }}
