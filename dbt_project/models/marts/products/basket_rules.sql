-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    as_of_date,
    level,
    antecedent_key,
    antecedent,
    second_antecedent_key,
    second_antecedent,
    consequent_key,
    consequent,
    baskets,
    antecedent_baskets,
    consequent_baskets,
    all_baskets,
    support,
    confidence,
    lift,
    conviction,
    q_value
from {{ source('scoring', 'basket_rules') }}
where as_of_date = {{ as_of_date() }}
