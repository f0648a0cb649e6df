select
    as_of_date,
    segments,
    silhouette,
    stability,
    is_chosen
from {{ source('scoring', 'segment_choices') }}
where as_of_date = {{ as_of_date() }}
