select
    as_of_date,
    segment_id,
    dimension_group,
    dimension,
    value,
    people,
    share,
    lift
from {{ source('scoring', 'segment_cuts') }}
where as_of_date = {{ as_of_date() }}
