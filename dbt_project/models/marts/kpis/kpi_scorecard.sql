{%- set kpis = [
    'active_customers', 'new_customers', 'orders', 'purchase_frequency', 'units_per_order', 'revenue', 'gross_margin',
    'average_order_value', 'discount_share', 'return_rate', 'repurchase_rate', 'retention_rate', 'churned_share',
    'known_revenue_share'
] %}

with months as (
    select * from {{ ref('kpi_by_month') }}
),

definitions as (
    select * from {{ ref('kpi_definitions') }}
),

measured as (
    {%- for kpi in kpis %}
    select month, is_complete, '{{ kpi }}' as kpi, cast({{ kpi }} as double) as value from months
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

compared as (
    select
        *,
        lag(value) over (partition by kpi order by month) as previous_value
    from measured
)

select
    compared.month,
    compared.is_complete,
    compared.kpi,
    definitions.kpi_group,
    definitions.unit,
    definitions.direction,
    compared.value,
    definitions.target,
    compared.previous_value,
    {{ ratio('compared.value - compared.previous_value', 'abs(compared.previous_value)') }} as trend,
    case
        when definitions.target is null or compared.value is null then 'no_target'
        when definitions.direction = 'up' and compared.value >= definitions.target then 'on_target'
        when definitions.direction = 'down' and compared.value <= definitions.target then 'on_target'
        else 'off_target'
    end as status
from compared
left join definitions on compared.kpi = definitions.kpi
