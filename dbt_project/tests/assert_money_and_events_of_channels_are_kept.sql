{{ config(meta={'dagster': {'ref': {'name': 'fct_web_sessions'}}}) }}

-- The facts add up to what staging holds, and visits hold every event once.
{% for channel in channels() %}
{%- for column in channel.sums %}
select
    '{{ column }} of {{ channel.name }}' as subject,
    (select sum({{ column }}) from {{ ref('stg_' ~ channel.name) }}) as staged,
    (select sum({{ column }}) from {{ ref(channel.fact) }}) as in_facts
where
    coalesce((select sum({{ column }}) from {{ ref('stg_' ~ channel.name) }}), 0)
    <> coalesce((select sum({{ column }}) from {{ ref(channel.fact) }}), 0)
union all
{%- endfor %}
{%- endfor %}
select
    'events' as subject,
    (select count(*) from {{ ref('stg_web_events') }}) as staged,
    (select sum(events) from {{ ref('fct_web_sessions') }}) as in_facts
where
    (select count(*) from {{ ref('stg_web_events') }})
    <> coalesce((select sum(events) from {{ ref('fct_web_sessions') }}), 0)
