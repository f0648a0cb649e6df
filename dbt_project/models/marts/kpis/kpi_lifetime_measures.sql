with segments as (
    {{ rfm_segments() }}
),

-- A month may have been scored more than once: its last date stands for it.
scored as (
    select *, {{ month_of('as_of_date') }} as month
    from {{ source('scoring', 'clv') }}
    where as_of_date <= {{ as_of_date() }}
    qualify as_of_date = max(as_of_date) over (partition by {{ month_of('as_of_date') }})
),

customers as (
    select
        scored.*,
        {{ segment_of('scored.customer_key', 'segments.rfm_segment') }} as segment
    from scored
    left join segments on scored.customer_key = segments.customer_key
)

select
    month,
    {{ dimension_columns(['segment']) }},
    count(*) as valued_customers,
    {{ to_money('sum(' ~ to_money('clv_predicted') ~ ')') }} as lifetime_value
from customers
group by {{ each_dimension(['segment']) }}
