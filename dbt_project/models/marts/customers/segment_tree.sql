select
    as_of_date,
    step,
    one,
    other,
    distance,
    segments
from {{ source('scoring', 'segment_tree') }}
where as_of_date = {{ as_of_date() }}
