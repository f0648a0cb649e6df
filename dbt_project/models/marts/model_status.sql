select
    model,
    as_of_date,
    status,
    reason,
    model_version,
    champion,
    trained_on
from {{ source('scoring', 'model_status') }}
where as_of_date <= {{ as_of_date() }}
