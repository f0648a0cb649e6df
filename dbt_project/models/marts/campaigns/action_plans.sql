-- Generated from the score tables of crm_pipeline/scoring by `make generated`.
select
    plan,
    as_of_date,
    {{ to_money('budget') }} as budget,
    people,
    {{ to_money('cost') }} as cost,
    {{ to_money('expected_value') }} as expected_value
from {{ source('scoring', 'action_plans') }}
where as_of_date = {{ as_of_date() }}
