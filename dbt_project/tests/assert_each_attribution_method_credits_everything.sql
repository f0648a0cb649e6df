{{ config(meta={'dagster': {'ref': {'name': 'medium_attribution'}}}) }}

-- Each method shares out all orders, revenue and margin of known people in a month, to the cent; all rules are there.
with attributed as (
    select
        month,
        method,
        sum(orders) as orders,
        sum(revenue) as revenue,
        sum(margin) as margin
    from {{ ref('medium_attribution') }}
    group by month, method
),

methods as (
    select distinct method from attributed
    {%- for rule in ['first_touch', 'last_touch', 'linear', 'position_based', 'time_decay'] %}
    union distinct
    select '{{ rule }}' as method from attributed
    {%- endfor %}
),

facts as (
    select
        {{ month_of('ordered_on') }} as month,
        count(*) filter (where is_counted) as orders,
        sum(revenue) as revenue,
        sum(margin) as margin
    from {{ ref('fct_orders') }}
    where customer_key is not null
    group by {{ month_of('ordered_on') }}
)

select facts.month, methods.method, facts.orders, attributed.orders as attributed_orders, facts.revenue, facts.margin
from facts
cross join methods
left join attributed on facts.month = attributed.month and methods.method = attributed.method
where
    attributed.month is null
    or facts.orders <> attributed.orders
    or facts.revenue <> attributed.revenue
    or facts.margin <> attributed.margin
