{# What is still to be paid of an order; 0 where what lacks is a rounding of cash, empty where no payments are known. #}
{% macro unpaid(due, paid) -%}
    case when {{ due }} - {{ paid }} > {{ rounding_of_cash() }} then {{ due }} - {{ paid }} when {{ paid }} is not null then 0 end
{%- endmacro %}

{# Notes and coins are rounded to five hundredths of a unit at most. #}
{% macro rounding_of_cash() -%}
    0.05
{%- endmacro %}
