with listed as (
    select
        *,
        trim(campaign_id) as clean_campaign_id
    from {{ source('raw', 'campaigns') }}
    where starts_on is null or starts_on <= {{ as_of_date() }}
    qualify row_number() over (partition by _system, trim(campaign_id) order by _delivery desc, _line desc) = 1
),

-- What people were contacted by, or money was spent on, is a campaign, whether or not it is on a list.
used as (
    select system, campaign_id from {{ ref('stg_campaign_contacts') }}
    union
    select system, campaign_id from {{ ref('stg_ad_spend') }}
    where campaign_id is not null
),

campaigns as (
    select
        coalesce(listed._system, used.system) as known_system,
        coalesce(listed.clean_campaign_id, used.campaign_id) as known_campaign_id,
        coalesce(listed.currency, '{{ var("currency") }}') as known_currency,
        listed.clean_campaign_id is not null as is_listed,
        listed.*
    from listed
    full outer join used on listed._system = used.system and listed.clean_campaign_id = used.campaign_id
),

rated as (
    select campaigns.*, {{ exchange_rate('campaigns.known_currency') }} as exchange_rate
    from campaigns
    {{ join_exchange_rates('campaigns.known_currency', 'coalesce(campaigns.starts_on, ' ~ as_of_date() ~ ')') }}
)

select
    {{ surrogate_key(['known_system', 'known_campaign_id']) }} as campaign_key,
    known_system as system,
    known_campaign_id as campaign_id,
    {{ filled('campaign_name') }} as campaign_name,
    medium,
    lower({{ filled('objective') }}) as objective,
    starts_on,
    ends_on,
    {{ to_money('cost * exchange_rate') }} as cost,
    {{ to_price('cost_per_contact * exchange_rate') }} as cost_per_contact,
    known_currency as currency,
    exchange_rate,
    {{ filled('experiment_name') }} as experiment_name,
    is_listed
from rated
