select
    spend_key,
    system,
    spend_on,
    medium,
    campaign_key,
    campaign_name,
    spend,
    impressions,
    clicks
from {{ ref('stg_ad_spend') }}
