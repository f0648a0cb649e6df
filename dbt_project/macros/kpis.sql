{# What a row of KPI measures speaks of: `all`, or one value of one of the dimensions that `each_dimension` groups by. #}
{% macro dimension_columns(dimensions) -%}
    case
        {%- for name in dimensions %}
        when grouping({{ name }}) = 0 then '{{ name }}'
        {%- endfor %}
        else 'all'
    end as dimension,
    case
        {%- for name in dimensions %}
        when grouping({{ name }}) = 0 then {{ name }}
        {%- endfor %}
        else 'all'
    end as dimension_value
{%- endmacro %}

{# Groups rows by month, and by month and each of the dimensions by itself. #}
{% macro each_dimension(dimensions) -%}
    grouping sets ((month){% for name in dimensions %}, (month, {{ name }}){% endfor %})
{%- endmacro %}

{# The RFM segment of each person on the as-of date: people without an order in the months that RFM looks at have none. #}
{% macro rfm_segments() -%}
    select customer_key, rfm_segment from {{ source('scoring', 'rfm') }} where as_of_date = {{ as_of_date() }}
{%- endmacro %}

{# The RFM segment of a row: unknown where nobody knows whose it is, and a word of its own for people without an order in
   the months that RFM looks at. #}
{% macro segment_of(customer_key, segment) -%}
    case when {{ customer_key }} is null then 'unknown' else coalesce({{ segment }}, 'no_recent_order') end
{%- endmacro %}

{# Whether a ticket was dealt with by the as-of date; some sources say so without a day. #}
{% macro is_resolved(ticket) -%}
    ({{ ticket }}.resolved_at is not null or coalesce({{ ticket }}.status in ('solved', 'closed'), false))
{%- endmacro %}

{# What a ticket costs by its contact channel; unknown, rather than nothing, where the company names no costs. #}
{% macro service_cost(contact_channel) -%}
    {%- if var('service_costs') -%}
        case {{ contact_channel }}
            {%- for name, cost in var('service_costs').items() %}
            when '{{ name | replace("'", "''") }}' then {{ cost }}
            {%- endfor %}
            else 0
        end
    {%- else -%}
        cast(null as decimal(18, 2))
    {%- endif -%}
{%- endmacro %}

{# The value that the company wants a KPI to reach; empty where it names none. #}
{% macro kpi_target(kpi) -%}
    {%- if var('kpi_targets') -%}
        cast(case {{ kpi }}
            {%- for name, target in var('kpi_targets').items() %}
            when '{{ name }}' then {{ target }}
            {%- endfor %}
        end as double)
    {%- else -%}
        cast(null as double)
    {%- endif -%}
{%- endmacro %}
