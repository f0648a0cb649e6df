-- What each medium brought, by rules that share an order among the touches on its path, before rounding. An order
-- without a path is credited to unknown.

{%- set rules = ['first_touch', 'last_touch', 'linear', 'position_based', 'time_decay'] %}
{%- set amounts = ['orders', 'revenue', 'margin'] %}

with orders as (
    select * from {{ ref('fct_orders') }} where customer_key is not null
),

touches as (
    select * from {{ ref('order_touches') }}
),

-- A credit note goes where the credit of its order went.
movements as (
    select
        {{ month_of('ordered_on') }} as month,
        case when is_counted then order_key else original_order_key end as credited_order_key,
        cast(case when is_counted then 1 else 0 end as decimal(18, 2)) as orders,
        revenue,
        margin
    from orders
    where exists (select 1 from touches)
),

decayed as (
    select
        *,
        -- A touch counts half of one that came a week later.
        cast(power(2, {{ ratio('-days_before', 7) }}) as decimal(20, 12)) as freshness
    from touches
),

-- Wide weights: a product of two narrow decimals overflows with large orders.
weighted as (
    select
        order_key,
        medium,
        cast(case when position = 1 then 1 else 0 end as decimal(20, 12)) as first_touch,
        cast(case when position = touches then 1 else 0 end as decimal(20, 12)) as last_touch,
        cast({{ ratio('1', 'touches') }} as decimal(20, 12)) as linear,
        cast(
            case
                when touches <= 2 then {{ ratio('1', 'touches') }}
                when position in (1, touches) then 0.4
                else {{ ratio('0.2', 'touches - 2') }}
            end as decimal(20, 12)
        ) as position_based,
        cast({{ ratio('freshness', 'sum(freshness) over (partition by order_key)') }} as decimal(20, 12)) as time_decay
    from decayed
),

credited as (
    select
        movements.month,
        {%- for rule in rules %}
        {%- for amount in amounts %}
        sum(movements.{{ amount }} * coalesce(weighted.{{ rule }}, 1)) as {{ rule }}_{{ amount }},
        {%- endfor %}
        {%- endfor %}
        coalesce(weighted.medium, 'unknown') as medium
    from movements
    left join weighted on movements.credited_order_key = weighted.order_key
    group by movements.month, coalesce(weighted.medium, 'unknown')
)

{% for rule in rules %}
select
    month,
    {%- for amount in amounts %}
    cast({{ rule }}_{{ amount }} as decimal(38, 12)) as {{ amount }},
    {%- endfor %}
    '{{ rule }}' as method,
    medium
from credited
{{ "union all" if not loop.last }}
{%- endfor %}
