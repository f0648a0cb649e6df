{{ config(meta={'dagster': {'ref': {'name': 'fct_touchpoints'}}}) }}

-- What staging holds of a channel is in its fact, whoever it belongs to.
{% for channel in channels() if channel.row_key %}
{%- set staged = 'stg_' ~ channel.name %}
select '{{ staged }}' as staged_in, staged.{{ channel.row_key }} as row_key
from {{ ref(staged) }} as staged
full outer join {{ ref(channel.fact) }} as facts on staged.{{ channel.row_key }} = facts.{{ channel.row_key }}
where staged.{{ channel.row_key }} is null or facts.{{ channel.row_key }} is null
{{ "union all" if not loop.last }}
{%- endfor %}
