-- What stands behind the numbers: files, quarantine, what is held back, freshness, known people, models.

with ledger as (
    select * from {{ source('raw', 'ledger') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

channels as (
    select * from {{ ref('stg_channel_rows') }}
),

channel_metrics as (
    select
        'channel' as area,
        channel as subject,
        'rows' as metric,
        row_count as value,
        case when row_count = 0 then 'missing: ' || without_it end as detail
    from channels
    union all
    select
        'channel' as area,
        channel as subject,
        'rows_held_back' as metric,
        after_as_of as value,
        'dated after the as-of date' as detail
    from channels
    where after_as_of is not null
    union all
    select
        'channel' as area,
        channel as subject,
        'rows_without_a_date' as metric,
        undated as value,
        'in no order: neither they nor a header say when' as detail
    from channels
    where undated is not null
),

file_metrics as (
    {%- for metric in [
        'read', 'loaded', 'quarantined', 'duplicate', 'superseded', 'withdrawn', 'left_out', 'waiting'
    ] %}
    select
        'file' as area,
        source || ' #' || cast(delivery as string) || ' ' || file as subject,
        'rows_{{ metric }}' as metric,
        rows_{{ metric }} as value,
        outcome || coalesce(': ' || problem, '') as detail
    from ledger
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

quarantine_metrics as (
    select
        'quarantine' as area,
        channel || coalesce('.' || quarantine.column, '') || ': ' || problem as subject,
        'values' as metric,
        count(*) as value,
        max(remedy) as detail
    from {{ source('raw', 'quarantine') }} as quarantine
    group by channel, quarantine.column, problem
),

order_totals as (
    select
        max(ordered_on) as last_order_on,
        {{ days_between('max(ordered_on)', as_of_date()) }} as days_since_last_order,
        {{ ratio('count(customer_key) filter (where is_counted)', 'count(*) filter (where is_counted)') }}
            as known_order_share,
        {{ ratio(
            'sum(revenue) filter (where is_counted and customer_key is not null)',
            'sum(revenue) filter (where is_counted)'
        ) }} as known_revenue_share
    from orders
),

order_metrics as (
    select
        'orders' as area,
        'freshness' as subject,
        'days_since_last_order' as metric,
        days_since_last_order as value,
        'last order on ' || cast(last_order_on as string) as detail
    from order_totals
    {%- for metric in ['known_order_share', 'known_revenue_share'] %}
    union all
    select 'orders' as area, 'person' as subject, '{{ metric }}' as metric, {{ metric }} as value, null as detail
    from order_totals
    {%- endfor %}
),

model_metrics as (
    select
        'model' as area,
        model as subject,
        'is_ok' as metric,
        case when status = 'ok' then 1 else 0 end as value,
        status || coalesce(': ' || reason, '') as detail
    from {{ ref('model_status') }}
    where as_of_date = {{ as_of_date() }}
),

metrics as (
    {%- for part in ['channel', 'file', 'quarantine', 'order', 'model'] %}
    select area, subject, metric, cast(value as double) as value, detail from {{ part }}_metrics
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select area, subject, metric, value, detail from metrics
