-- How many rows each channel has, and how many of them the as-of date holds back.

-- A header dates its lines. A line that neither it nor a header dates, nor another line of its order, waits for one.
with line_times as (
    select
        coalesce(headers.ordered_at, lines.ordered_at) as ordered_at,
        coalesce(headers.ordered_at, lines.ordered_at) is null and known.order_key is null as is_undated
    from {{ source('raw', 'order_lines') }} as lines
    left join {{ source('raw', 'orders') }} as headers
        on lines._system = headers._system and lines.order_id = headers.order_id
    left join {{ ref('stg_orders') }} as known on lines._system = known.system and lines.order_id = known.order_id
)

{% for channel in channels() -%}
{%- set is_dated_by_header = channel.name == 'order_lines' -%}
select
    '{{ channel.name }}' as channel,
    count(*) as row_count,
    {% if channel.moment and not channel.is_dated_by_day -%}
    count(*) filter (where {{ channel.moment }} >= {{ end_of_as_of_day() }})
    {%- else -%}
    cast(null as bigint)
    {%- endif %} as after_as_of,
    {{ 'count(*) filter (where is_undated)' if is_dated_by_header else 'cast(null as bigint)' }} as undated,
    '{{ channel.without_it | replace("'", "''") }}' as without_it
from {{ 'line_times' if is_dated_by_header else source('raw', channel.name) }}
{{ "union all" if not loop.last }}
{% endfor %}
