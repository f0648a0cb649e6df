select
    kind,
    from_date,
    to_date,
    from_segment,
    to_segment,
    people
from {{ source('scoring', 'segment_migration') }}
where to_date <= {{ as_of_date() }}
