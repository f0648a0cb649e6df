select
    campaign_key,
    system,
    campaign_id,
    campaign_name,
    medium,
    objective,
    starts_on,
    ends_on,
    cost,
    cost_per_contact,
    experiment_name
from {{ ref('stg_campaigns') }}
