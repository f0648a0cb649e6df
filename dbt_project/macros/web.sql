{# The decoded value of a parameter of a URL; null where the URL has none of that name. #}
{% macro url_parameter(url, name) -%}
    {{ adapter.dispatch('url_parameter', 'crm')(url, name) }}
{%- endmacro %}

{% macro default__url_parameter(url, name) -%}
    {{ filled("try_url_decode(parse_url(" ~ url ~ ", 'QUERY', '" ~ name ~ "'))") }}
{%- endmacro %}

{% macro duckdb__url_parameter(url, name) -%}
    {#- DuckDB decodes %20, but leaves the + that stands for a blank as well. -#}
    {#- Most addresses have no parameter: looking for its name first costs a fraction of the pattern. -#}
    case
        when contains({{ url }}, '{{ name }}=')
            then {{ filled("url_decode(replace(regexp_extract(" ~ url ~ ", '[?&]" ~ name ~ "=([^&#]*)', 1), '+', ' '))") }}
    end
{%- endmacro %}
