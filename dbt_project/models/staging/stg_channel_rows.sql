-- How many rows each channel has, and how many of them the as-of date holds back.

with headers as (
    {{ latest_rows(source('raw', 'orders'), 'order_id') }}
),

-- A header dates its lines. A line that neither it nor a header dates, nor another line of its order, waits for one.
line_times as (
    select
        coalesce(headers.ordered_at, lines.ordered_at) as ordered_at,
        coalesce(headers.ordered_at, lines.ordered_at) is null and known.order_key is null as is_undated
    from {{ source('raw', 'order_lines') }} as lines
    left join {{ source('raw', 'orders') }} as headers
        on lines._system = headers._system and lines.order_id = headers.order_id
    left join {{ ref('stg_orders') }} as known on lines._system = known.system and lines.order_id = known.order_id
),

-- A payment without a time of its own is as old as its order.
payment_times as (
    select
        coalesce(payments.paid_at, headers.ordered_at) as paid_at,
        coalesce(payments.paid_at, headers.ordered_at) is null and known.order_key is null as is_undated
    from {{ source('raw', 'payments') }} as payments
    left join headers on payments._system = headers._system and payments.order_id = headers.order_id
    left join {{ ref('stg_orders') }} as known on payments._system = known.system and payments.order_id = known.order_id
)

{% for channel in channels() -%}
{%- set times = {'order_lines': 'line_times', 'payments': 'payment_times'}.get(channel.name) -%}
select
    '{{ channel.name }}' as channel,
    count(*) as row_count,
    {% if channel.moment and not channel.is_dated_by_day -%}
    count(*) filter (where {{ channel.moment }} >= {{ end_of_as_of_day() }})
    {%- else -%}
    cast(null as bigint)
    {%- endif %} as after_as_of,
    {{ 'count(*) filter (where is_undated)' if times else 'cast(null as bigint)' }} as undated,
    '{{ channel.without_it | replace("'", "''") }}' as without_it
from {{ times or source('raw', channel.name) }}
{{ "union all" if not loop.last }}
{% endfor %}
