with spend as (
    select
        *,
        {{ filled('campaign_id') }} as clean_campaign_id,
        {{ filled('campaign_name') }} as clean_campaign_name,
        coalesce(currency, '{{ var("currency") }}') as known_currency
    from {{ source('raw', 'ad_spend') }}
    where spend_on <= {{ as_of_date() }}
    qualify row_number() over (
        partition by _system, spend_on, medium, {{ filled('campaign_id') }}, {{ filled('campaign_name') }}
        order by _delivery desc, _line desc
    ) = 1
),

rated as (
    select spend.*, {{ exchange_rate('spend.known_currency') }} as exchange_rate
    from spend
    {{ join_exchange_rates('spend.known_currency', 'spend.spend_on') }}
)

select
    {{ surrogate_key(['_system', 'spend_on', 'medium', 'clean_campaign_id',
                      'clean_campaign_name']) }} as spend_key,
    _system as system,
    spend_on,
    medium,
    clean_campaign_id as campaign_id,
    case
        when clean_campaign_id is not null then {{ surrogate_key(['_system', 'clean_campaign_id']) }}
    end as campaign_key,
    clean_campaign_name as campaign_name,
    {{ to_money('spend * exchange_rate') }} as spend,
    known_currency as currency,
    exchange_rate,
    spend as original_spend,
    impressions,
    clicks
from rated
