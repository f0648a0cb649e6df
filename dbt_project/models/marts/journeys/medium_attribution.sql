-- What each medium brought, by six methods. They differ in how they share what a medium with a name has touched; what
-- came direct, or from nobody knows where, is the same by all of them.

{%- set amounts = [('orders', 4), ('revenue', 2), ('margin', 2)] %}

with credits as (
    select * from {{ ref('medium_credits') }}
),

removal_effects as (
    select * from {{ source('scoring', 'medium_removal_effects') }} where as_of_date = {{ as_of_date() }}
),

totals as (
    select
        {%- for amount, digits in amounts %}
        cast(sum({{ amount }}) as decimal(18, 2)) as all_{{ amount }},
        cast(sum({{ amount }}) filter (where medium not in ('direct', 'unknown')) as decimal(18, 2))
            as touched_{{ amount }},
        {%- endfor %}
        month
    from credits
    where method = 'last_touch'
    group by month
),

-- The Markov chain of a month shares out all that was touched in it.
markov as (
    select
        totals.month,
        {%- for amount, digits in amounts %}
        cast(
            totals.touched_{{ amount }} * cast(coalesce(removal_effects.share, 1) as decimal(20, 12)) as decimal(38, 12)
        ) as {{ amount }},
        {%- endfor %}
        coalesce(removal_effects.medium, 'unknown') as medium
    from totals
    left join removal_effects on totals.month = removal_effects.month
    where totals.touched_orders is not null
    union all
    select
        month,
        {%- for amount, digits in amounts %}
        {{ amount }},
        {%- endfor %}
        medium
    from credits
    where method = 'last_touch' and medium in ('direct', 'unknown')
),

by_method as (
    select
        month,
        method,
        {%- for amount, digits in amounts %}
        {{ amount }},
        {%- endfor %}
        medium,
        medium not in ('direct', 'unknown') as is_named
    from credits
    union all
    select
        month,
        'markov' as method,
        {%- for amount, digits in amounts %}
        sum({{ amount }}) as {{ amount }},
        {%- endfor %}
        medium,
        medium not in ('direct', 'unknown') as is_named
    from markov
    where exists (select 1 from removal_effects)
    group by month, medium
),

running as (
    select
        month,
        method,
        medium,
        {%- for amount, digits in amounts %}
        sum({{ amount }}) over so_far as {{ amount }}_so_far,
        {%- endfor %}
        row_number() over (partition by month, method order by is_named asc nulls last, medium desc) = 1 as is_last,
        is_named
    from by_method
    window so_far as (
        partition by month, method
        order by is_named desc, medium asc nulls last
        rows between unbounded preceding and current row
    )
),

-- Rounding what is credited so far, and ending on the total, makes the credits of a month add up to it exactly; with
-- the media that all methods credit alike at the end, their figures stay alike.
rounded as (
    select
        running.month,
        running.method,
        {%- for amount, digits in amounts %}
        totals.all_{{ amount }},
        cast(
            case
                when running.is_last then totals.all_{{ amount }}
                else round(running.{{ amount }}_so_far, {{ digits }})
            end as decimal(18, {{ digits }})
        ) as {{ amount }}_so_far,
        {%- endfor %}
        running.medium,
        running.is_named
    from running
    inner join totals on running.month = totals.month
),

attributed as (
    select
        month,
        method,
        {%- for amount, digits in amounts %}
        all_{{ amount }},
        cast(
            {{ amount }}_so_far
            - lag({{ amount }}_so_far, 1, 0) over (
                partition by month, method order by is_named desc, medium asc nulls last
            ) as decimal(18, {{ digits }})
        ) as {{ amount }},
        {%- endfor %}
        medium
    from rounded
)

select
    attributed.month,
    attributed.method,
    attributed.medium,
    attributed.orders,
    attributed.revenue,
    attributed.margin,
    {{ ratio('attributed.orders', 'attributed.all_orders') }} as order_share,
    {{ ratio('attributed.revenue', 'attributed.all_revenue') }} as revenue_share,
    {{ ratio('attributed.margin', 'attributed.all_margin') }} as margin_share,
    case when attributed.method = 'markov' then removal_effects.removal_effect end as removal_effect
from attributed
left join removal_effects
    on attributed.month = removal_effects.month and attributed.medium = removal_effects.medium
