-- How far journeys get online: a contact, a visit, a cart, an order, another order. Each step is the first of its kind
-- at or after the one before it, so that nobody is at a later step without the earlier ones.

{%- set days = var('attribution_days') | int %}
{%- set steps = ['contact', 'visit', 'cart', 'order', 'repeat'] %}

with touches as (
    select
        *,
        lag(occurred_on) over (
            partition by customer_key order by occurred_at asc nulls last, medium asc nulls last
        ) as previous_on
    from {{ ref('medium_touches') }}
),

orders as (
    select
        customer_key,
        order_key,
        ordered_at,
        ordered_on,
        lead(ordered_on) over (
            partition by customer_key order by ordered_at asc nulls last, order_key asc nulls last
        ) as repeated_on
    from {{ ref('fct_orders') }}
    where is_counted and customer_key is not null
),

segments as (
    {{ rfm_segments() }}
),

-- A journey begins with a touch after as many quiet days as an order is looked back from.
entries as (
    select
        customer_key,
        medium,
        occurred_on as contact_on,
        {{ add_days('occurred_on', days) }} as last_on
    from touches
    where previous_on is null or previous_on < {{ add_days('occurred_on', -days) }}
),

visited as (
    select
        entries.customer_key,
        entries.medium,
        entries.contact_on,
        entries.last_on,
        min(touches.visited_at) as visited_at,
        min(touches.carted_at) as carted_at
    from entries
    inner join touches
        on
            entries.customer_key = touches.customer_key
            and touches.occurred_on between entries.contact_on and entries.last_on
    group by entries.customer_key, entries.medium, entries.contact_on, entries.last_on
),

ordered as (
    select
        visited.customer_key,
        visited.contact_on,
        orders.ordered_on,
        orders.repeated_on
    from visited
    inner join orders
        on
            visited.customer_key = orders.customer_key
            and visited.carted_at <= orders.ordered_at
            and visited.last_on >= orders.ordered_on
    qualify row_number() over (
        partition by visited.customer_key, visited.contact_on
        order by orders.ordered_at asc nulls last, orders.order_key asc nulls last
    ) = 1
),

journeys as (
    select
        {{ month_of('visited.contact_on') }} as month,
        visited.medium,
        {{ segment_of('visited.customer_key', 'segments.rfm_segment') }} as segment,
        visited.contact_on,
        {{ local_date('visited.visited_at') }} as visit_on,
        {{ local_date('visited.carted_at') }} as cart_on,
        ordered.ordered_on as order_on,
        case
            when ordered.repeated_on <= {{ add_days('ordered.ordered_on', var('churn_horizon_days') | int) }}
                then ordered.repeated_on
        end as repeat_on
    from visited
    left join ordered
        on visited.customer_key = ordered.customer_key and visited.contact_on = ordered.contact_on
    left join segments on visited.customer_key = segments.customer_key
),

counted as (
    {%- for step in steps %}
    select
        month,
        medium,
        segment,
        {{ loop.index }} as step_number,
        '{{ step }}' as step,
        count({{ step }}_on) as people,
        {%- if loop.first %}
        cast(null as bigint) as people_before,
        cast(null as double) as median_days
        {%- else %}
        count({{ steps[loop.index0 - 1] }}_on) as people_before,
        percentile_cont(0.5) within group (
            order by {{ days_between(steps[loop.index0 - 1] ~ '_on', step ~ '_on') }}
        ) as median_days
        {%- endif %}
    from journeys
    group by month, medium, segment
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    month,
    medium,
    segment,
    cast(step_number as bigint) as step_number,
    step,
    people,
    {{ ratio('people', 'people_before') }} as conversion_rate,
    cast(median_days as double) as median_days,
    {{ month_end('month') }} <= {{ add_days(as_of_date(), -days - (var('churn_horizon_days') | int)) }} as is_complete
from counted
