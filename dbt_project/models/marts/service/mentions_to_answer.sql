-- Mentions of the last 30 days that nobody answered and somebody should: what sounds bad, spreads far, or asks.

with mentions as (
    select * from {{ ref('fct_social_mentions') }}
),

sentiment as (
    select text_key, sentiment, label
    from {{ source('scoring', 'text_sentiment') }}
    where as_of_date = {{ as_of_date() }} and source = 'social'
),

clv as (
    select customer_key, clv_predicted from {{ source('scoring', 'clv') }} where as_of_date = {{ as_of_date() }}
),

-- Reach differs from platform to platform: wide is what one mention in ten reaches there.
platforms as (
    select platform, percentile_cont(0.9) within group (order by reach asc) as wide_reach
    from mentions
    where posted_on > {{ add_months(as_of_date(), -12) }}
    group by platform
),

judged as (
    select
        mentions.*,
        sentiment.sentiment,
        clv.clv_predicted,
        coalesce(sentiment.label = 'negative', false) or coalesce(mentions.rating <= 2, false) as is_negative,
        coalesce(mentions.reach >= platforms.wide_reach, false) as has_wide_reach,
        coalesce(mentions.body like '%?%' or mentions.body like '%？%', false) as is_question
    from mentions
    left join platforms on mentions.platform = platforms.platform
    left join sentiment on mentions.mention_key = sentiment.text_key
    left join clv on mentions.customer_key = clv.customer_key
    where mentions.replied_at is null and mentions.posted_on > {{ add_days(as_of_date(), -30) }}
)

select
    mention_key,
    customer_key,
    platform,
    kind,
    posted_on,
    {{ days_between('posted_on', as_of_date()) }} as days_waiting,
    reach,
    cast(rating as double) as rating,
    sentiment,
    is_negative,
    has_wide_reach,
    is_question,
    {{ to_money('clv_predicted') }} as value_at_stake,
    row_number() over (
        order by
            is_negative desc,
            has_wide_reach desc,
            clv_predicted desc nulls last,
            reach desc nulls last,
            mention_key asc nulls last
    ) as priority
from judged
where is_negative or has_wide_reach or is_question
