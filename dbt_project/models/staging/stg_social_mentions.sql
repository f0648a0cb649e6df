with mentions as (
    select
        *,
        {{ filled('customer_id') }} as clean_customer_id,
        lower(trim(platform)) as clean_platform,
        {{ filled("replace(handle, '@', '')") }} as clean_handle
    from ({{ latest_rows(source('raw', 'social_mentions'), 'mention_id', 'posted_at') }}) as latest
)

select
    {{ surrogate_key(['_system', 'mention_id']) }} as mention_key,
    _system as system,
    mention_id,
    {{ record_id('_system', 'clean_customer_id', 'null', 'null', 'null') }} as record_id,
    clean_platform as platform,
    clean_platform || ':' || lower(clean_handle) as social_handle,
    coalesce(kind, 'post') as kind,
    posted_at,
    {{ local_date('posted_at') }} as posted_on,
    {{ filled('body') }} as body,
    rating,
    reach,
    {{ known_time('replied_at') }} as replied_at,
    _first_delivery as first_delivery
from mentions
