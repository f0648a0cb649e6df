{# Joins the rate of a day, which `exchange_rate` reads. #}
{% macro join_exchange_rates(currency, day) -%}
    left join {{ ref('stg_exchange_rates') }} as rates
        on {{ currency }} = rates.currency and {{ day }} = rates.valid_on
{%- endmacro %}

{# What one unit of a currency is worth in the business currency; null where no rate is known on the day joined. #}
{% macro exchange_rate(currency) -%}
    case when {{ currency }} = '{{ var("currency") }}' then cast(1 as decimal(18, 8)) else rates.rate end
{%- endmacro %}

{# An amount of money: exact, to the cent, halves away from zero. #}
{% macro to_money(amount) -%}
    cast(round({{ amount }}, 2) as decimal(18, 2))
{%- endmacro %}

{# A price of one unit, in hundredths of a cent. #}
{% macro to_price(amount) -%}
    cast(round({{ amount }}, 4) as decimal(18, 4))
{%- endmacro %}

{# What points of the loyalty programme are worth in the business currency; empty where the business does not say. #}
{% macro points_value(points) -%}
    {%- if var('loyalty_point_value') -%}
        {{ to_money('cast(' ~ points ~ ' as decimal(18, 2)) * cast(' ~ var('loyalty_point_value') ~ ' as decimal(18, 6))') }}
    {%- else -%}
        cast(null as decimal(18, 2))
    {%- endif -%}
{%- endmacro %}
