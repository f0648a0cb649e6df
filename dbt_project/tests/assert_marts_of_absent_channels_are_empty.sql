{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'data_quality'}}}) }}

-- A channel without rows says which marts stay empty without it, and so they do. Where they do not, what is said is
-- wrong and not the data, so that nothing is held up.
{% for channel in channels() if channel.empty_marts %}
{%- for mart in channel.empty_marts %}
select '{{ channel.name }}' as channel, '{{ mart }}' as mart, without_it
from {{ ref('stg_channel_rows') }}
where
    channel = '{{ channel.name }}' and (
        without_it not like '%{{ mart }}%'
        or (row_count = 0 and exists (select 1 from {{ ref(mart) }}))
    )
{{ "union all" if not loop.last }}
{%- endfor %}
{{ "union all" if not loop.last }}
{%- endfor %}
