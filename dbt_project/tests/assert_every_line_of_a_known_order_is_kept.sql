{{ config(meta={'dagster': {'ref': {'name': 'stg_order_lines'}}}) }}

-- A raw line is in staging or has a reason not to be: it is dated after the as-of date, or nothing dates it.
with headers as (
    select _system, order_id, max(ordered_at) as ordered_at
    from {{ source('raw', 'orders') }}
    group by _system, order_id
),

raw_lines as (
    select lines._system as system, lines.order_id, count(*) as lines
    from {{ source('raw', 'order_lines') }} as lines
    left join headers on lines._system = headers._system and lines.order_id = headers.order_id
    where coalesce(headers.ordered_at, lines.ordered_at) < {{ end_of_as_of_day() }}
    group by lines._system, lines.order_id
),

staged_lines as (
    select system, order_id, count(*) as lines
    from {{ ref('stg_order_lines') }}
    group by system, order_id
)

select raw_lines.system, raw_lines.order_id, raw_lines.lines, staged_lines.lines as staged
from raw_lines
left join staged_lines on raw_lines.system = staged_lines.system and raw_lines.order_id = staged_lines.order_id
where staged_lines.lines is null or staged_lines.lines < raw_lines.lines
