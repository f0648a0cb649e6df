select
    segment,
    as_of_date,
    people,
    margin_12m,
    clv_predicted,
    extra_margin_per_contact,
    people_planned,
    planned_cost,
    planned_value,
    budget_share
from {{ source('scoring', 'segment_targets') }}
where as_of_date = {{ as_of_date() }}
