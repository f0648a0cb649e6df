with segments as (
    {{ rfm_segments() }}
),

months as (
    select distinct month from {{ ref('time_spine') }}
),

channel_months as (
    select
        customer_key,
        {{ month_of('ordered_on') }} as month,
        coalesce(sales_channel, 'unknown') as sales_channel,
        min(ordered_at) as first_at
    from {{ ref('fct_orders') }}
    where is_counted and customer_key is not null
    group by all
),

-- A person is new once, and in one sales channel: that of the first order.
placed as (
    select
        *,
        month > min(month) over (partition by customer_key) as is_returning,
        row_number() over (
            partition by customer_key order by first_at asc nulls last, sales_channel asc nulls last
        ) = 1 as is_new
    from channel_months
),

customer_months as (
    select
        customer_key,
        month,
        bool_or(is_new) as is_new,
        bool_or(is_returning) as is_returning,
        lag(month) over (partition by customer_key order by month nulls last) as previous_month
    from placed
    group by customer_key, month
),

segment_months as (
    select customer_months.*, {{ segment_of('customer_months.customer_key', 'segments.rfm_segment') }} as segment
    from customer_months
    left join segments on customer_months.customer_key = segments.customer_key
),

cells as (
    select
        month,
        {{ dimension_columns(['segment']) }},
        count(*) as active_customers,
        count(*) filter (where is_new) as new_customers,
        count(*) filter (where is_returning) as returning_customers,
        count(*) filter (where previous_month = {{ add_months('month', -1) }}) as retained_customers
    from segment_months
    group by {{ each_dimension(['segment']) }}
    union all
    select
        month,
        'sales_channel' as dimension,
        sales_channel as dimension_value,
        count(*) as active_customers,
        count(*) filter (where is_new) as new_customers,
        count(*) filter (where is_returning) as returning_customers,
        null as retained_customers
    from placed
    group by month, sales_channel
),

known as (
    select distinct dimension, dimension_value from cells
),

-- Months in which nobody bought are shown as well, as zero: their buyers are the next month's base.
grid as (
    select months.month, known.dimension, known.dimension_value
    from months
    cross join known
),

counted as (
    select
        grid.*,
        coalesce(cells.active_customers, 0) as active_customers,
        coalesce(cells.new_customers, 0) as new_customers,
        coalesce(cells.returning_customers, 0) as returning_customers,
        coalesce(cells.retained_customers, 0) as retained_customers
    from grid
    left join cells
        on
            grid.month = cells.month
            and grid.dimension = cells.dimension
            and grid.dimension_value = cells.dimension_value
)

select
    month,
    dimension,
    dimension_value,
    active_customers,
    new_customers,
    returning_customers,
    case when dimension <> 'sales_channel' then retained_customers end as retained_customers,
    case
        when dimension <> 'sales_channel'
            then lag(active_customers) over (partition by dimension, dimension_value order by month nulls last)
    end as active_customers_before
from counted
