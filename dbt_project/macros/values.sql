{# BIGINT key of a row: shorter and faster to join than the text that it stands for. #}
{% macro surrogate_key(columns) -%}
    {{ adapter.dispatch('surrogate_key', 'crm')(columns) }}
{%- endmacro %}

{% macro key_text(columns) -%}
    {%- for column in columns -%}
        coalesce(cast({{ column }} as string), ''){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# 15 hexadecimal digits of the MD5 are 60 bits, which fit a signed BIGINT. #}
{% macro default__surrogate_key(columns) -%}
    cast(conv(substring(md5({{ key_text(columns) }}), 1, 15), 16, 10) as bigint)
{%- endmacro %}

{% macro duckdb__surrogate_key(columns) -%}
    cast('0x' || substring(md5({{ key_text(columns) }}), 1, 15) as bigint)
{%- endmacro %}

{# A quotient; null, not an error, where there is nothing to divide by. #}
{% macro ratio(part, whole) -%}
    cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0)
{%- endmacro %}

{# The mean of what is not null, as a double: of a group, of its rows that fulfil a condition, or over a window. #}
{% macro mean(value, where=none, over=none) -%}
    {{ adapter.dispatch('mean', 'crm')(value, rows_meant(where, over)) }}
{%- endmacro %}

{% macro rows_meant(where, over) -%}
    {%- if where %} filter (where {{ where }}){% endif -%}
    {%- if over %} over {{ over }}{% endif -%}
{%- endmacro %}

{# Of decimals Spark's own is a decimal of few digits. #}
{% macro default__mean(value, meant) -%}
    cast(sum({{ value }}){{ meant }} as double) / nullif(cast(count({{ value }}){{ meant }} as double), 0)
{%- endmacro %}

{% macro duckdb__mean(value, meant) -%}
    avg({{ value }}){{ meant }}
{%- endmacro %}

{# Text without blanks around it; null when nothing is left. #}
{% macro filled(text) -%}
    nullif(trim({{ text }}), '')
{%- endmacro %}

{# Text as a person would give it; null where a system wrote a stand-in such as `none` or `000-000`. #}
{% macro without_stand_in(text) -%}
    case when {{ is_stand_in(text) }} then null else {{ text }} end
{%- endmacro %}

{# Whether a system wrote a stand-in for a value that it does not have. #}
{% macro is_stand_in(text) -%}
    {{ adapter.dispatch('is_stand_in', 'crm')(text) }}
{%- endmacro %}

{% macro default__is_stand_in(text) -%}
    lower({{ text }}) rlike '^({{ var("stand_ins") | replace("\\", "\\\\") }})$'
{%- endmacro %}

{% macro duckdb__is_stand_in(text) -%}
    regexp_full_match(lower(trim({{ text }})), '{{ var("stand_ins") }}')
{%- endmacro %}

{# A row for each id of a list in a text, empty ones among them. A system may write the moment behind an id
(`7:1609459200000`), or JSON. #}
{% macro each_id(text) -%}
    {{ adapter.dispatch('each_id', 'crm')(text, '(:[0-9]{10,})?[^0-9A-Za-z_.:/@+-]+|:[0-9]{10,}$') }}
{%- endmacro %}

{% macro default__each_id(text, between) -%}
    explode(split({{ text }}, '{{ between }}'))
{%- endmacro %}

{% macro duckdb__each_id(text, between) -%}
    unnest(string_split_regex({{ text }}, '{{ between }}'))
{%- endmacro %}

{# 1 for the most trusted system; systems that are not listed come last. #}
{% macro trust_rank(system) -%}
    {%- set trusted = var('source_trust') -%}
    {%- if trusted -%}
        case {{ system }}
            {%- for name in trusted %} when '{{ name | replace("'", "''") }}' then {{ loop.index }}{% endfor %}
            else {{ trusted | length + 1 }}
        end
    {%- else -%}
        1
    {%- endif -%}
{%- endmacro %}

{# Name of the record that identifies the buyer: a customer of a system, or a guest known by what they gave. A stand-in
such as `0` identifies nobody. #}
{% macro record_id(system, customer_id, loyalty_id, email, phone) -%}
    case
        when not {{ is_stand_in(customer_id) }} then {{ system }} || '|customer|' || {{ customer_id }}
        when
            {%- for given in [loyalty_id, email, phone] %}
            {{ 'or ' if not loop.first }}not {{ is_stand_in("cast(" ~ given ~ " as string)") }}
            {%- endfor %}
            then {{ system }} || '|guest|' || md5(lower({{ key_text([loyalty_id, email, phone]) }}))
    end
{%- endmacro %}

{# The age band on the as-of date; null where no birth date is known. #}
{% macro age_band(birth_date) -%}
    {#- Dates read as numbers such as 20110630: a year of age is a difference of 10000. -#}
    {%- set age -%}
        ({{ day_number(as_of_date()) }} - ({{ day_number(birth_date) }}))
    {%- endset -%}
    case
        {%- for band in var('age_bands') if band.below %}
        when {{ age }} < {{ band.below }}0000 then '{{ band.name }}'
        {%- endfor %}
        {%- for band in var('age_bands') if not band.below %}
        when {{ age }} is not null then '{{ band.name }}'
        {%- endfor %}
    end
{%- endmacro %}

{% macro day_number(day) -%}
    extract(year from {{ day }}) * 10000 + extract(month from {{ day }}) * 100 + extract(day from {{ day }})
{%- endmacro %}

{# The order of a person's customer records: by the trust in their system, then by how recent they are. #}
{% macro most_trusted_first(system, told_at, record_id) -%}
    {{ trust_rank(system) }} asc nulls last, {{ told_at }} desc nulls last, {{ record_id }} asc nulls last
{%- endmacro %}

{# The order of what was given in channels: by how recent it is; at one moment the value itself decides. #}
{% macro last_given_first(given_at, value) -%}
    {{ given_at }} desc, {{ value }} desc
{%- endmacro %}

{# The last value that is not null, up to the current row of a window. #}
{% macro last_given(value, window) -%}
    {{ adapter.dispatch('last_given', 'crm')(value, window) }}
{%- endmacro %}

{% macro default__last_given(value, window) -%}
    last_value({{ value }}, true) over {{ window }}
{%- endmacro %}

{% macro duckdb__last_given(value, window) -%}
    last_value({{ value }} ignore nulls) over {{ window }}
{%- endmacro %}

{# Of several columns, the one that `name` names on each row: `column` is an expression with {} for the name. #}
{% macro named_by(name, names, column) -%}
    case {{ name }}
        {%- for known in names %}
        when '{{ known }}' then {{ column.format(known) }}
        {%- endfor %}
    end
{%- endmacro %}

{# Standard deviation of whole numbers from their count, sum and sum of squares: exact, whatever order they came in. #}
{% macro deviation(number, total, squares) -%}
    sqrt(
        cast(({{ number }}) * ({{ squares }}) - ({{ total }}) * ({{ total }}) as double)
        / nullif(cast({{ number }} as double) * (cast({{ number }} as double) - 1), 0)
    )
{%- endmacro %}

{# The values of a group as one text, in an order. #}
{% macro joined_text(value, separator, order) -%}
    {{ dbt.listagg(value, "'" ~ separator ~ "'", 'order by ' ~ order) }}
{%- endmacro %}
