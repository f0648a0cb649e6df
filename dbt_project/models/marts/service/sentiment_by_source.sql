-- How people sound, wherever they write: in tickets, in comments on surveys and in public.

with texts as (
    select
        source,
        text_key,
        language,
        sentiment,
        nullif(label, 'language not supported') as label,
        {{ month_of('said_on') }} as month
    from {{ source('scoring', 'text_sentiment') }}
    where as_of_date = {{ as_of_date() }}
),

topics as (
    select ticket_key, topic from {{ source('scoring', 'ticket_topics') }} where as_of_date = {{ as_of_date() }}
)

select
    texts.month,
    texts.source as text_source,
    coalesce(topics.topic, 'none') as topic,
    texts.language,
    {{ month_end('texts.month') }} <= {{ as_of_date() }} as is_complete,
    count(*) as texts,
    count(texts.label) as read_texts,
    {{ ratio("count(*) filter (where texts.label = 'positive')", 'count(texts.label)') }} as positive_share,
    {{ ratio("count(*) filter (where texts.label = 'neutral')", 'count(texts.label)') }} as neutral_share,
    {{ ratio("count(*) filter (where texts.label = 'negative')", 'count(texts.label)') }} as negative_share,
    {{ ratio('sum(cast(texts.sentiment as decimal(18, 9)))', 'count(texts.sentiment)') }} as sentiment
from texts
left join topics on texts.source = 'ticket' and texts.text_key = topics.ticket_key
group by texts.month, texts.source, coalesce(topics.topic, 'none'), texts.language
