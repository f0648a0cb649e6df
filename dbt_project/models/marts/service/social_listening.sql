-- What is said of the company in public, and how it answers.

with mentions as (
    select
        *,
        {{ month_of('posted_on') }} as month,
        case
            when replied_at >= posted_at then {{ hours_between('posted_at', 'replied_at') }}
        end as reply_hours
    from {{ ref('fct_social_mentions') }}
),

sentiment as (
    select text_key, sentiment, nullif(label, 'language not supported') as label
    from {{ source('scoring', 'text_sentiment') }}
    where as_of_date = {{ as_of_date() }} and source = 'social'
)

select
    mentions.month,
    mentions.platform,
    mentions.kind,
    {{ month_end('mentions.month') }} <= {{ as_of_date() }} as is_complete,
    count(*) as mentions,
    count(distinct mentions.customer_key) as known_people,
    cast(sum(mentions.reach) as bigint) as reach,
    count(sentiment.label) as read_mentions,
    {{ ratio("count(*) filter (where sentiment.label = 'positive')", 'count(sentiment.label)') }} as positive_share,
    {{ ratio("count(*) filter (where sentiment.label = 'negative')", 'count(sentiment.label)') }} as negative_share,
    {{ ratio('sum(cast(sentiment.sentiment as decimal(18, 9)))', 'count(sentiment.sentiment)') }} as sentiment,
    {{ ratio("sum(mentions.reach) filter (where sentiment.label = 'negative')",
        'sum(mentions.reach) filter (where sentiment.label is not null)') }} as negative_reach_share,
    count(mentions.rating) as rated_mentions,
    {{ ratio('sum(mentions.rating)', 'count(mentions.rating)') }} as rating,
    {{ ratio('count(mentions.replied_at)', 'count(*)') }} as answered_share,
    percentile_cont(0.5) within group (order by mentions.reply_hours asc) as reply_hours_median
from mentions
left join sentiment on mentions.mention_key = sentiment.text_key
group by mentions.month, mentions.platform, mentions.kind
