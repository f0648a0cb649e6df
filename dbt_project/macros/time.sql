{# Everything about time goes through here: stored times are UTC, days and months are those of the business. #}

{# The run's as-of date: the last day that counts. #}
{% macro as_of_date() -%}
    {%- if execute and not var('as_of_date') -%}
        {{ exceptions.raise_compiler_error("Name the last day that counts: --vars '{as_of_date: YYYY-MM-DD}'") }}
    {%- endif -%}
    cast('{{ var("as_of_date") or "1970-01-01" }}' as date)
{%- endmacro %}

{# The first moment (UTC) that is not known on the as-of date: midnight after it, in the business time zone. #}
{% macro end_of_as_of_day() -%}
    {{ adapter.dispatch('end_of_as_of_day', 'crm')() }}
{%- endmacro %}

{% macro default__end_of_as_of_day() -%}
    to_utc_timestamp(cast({{ add_days(as_of_date(), 1) }} as timestamp), '{{ var("timezone") }}')
{%- endmacro %}

{% macro duckdb__end_of_as_of_day() -%}
    timezone('UTC', timezone('{{ var("timezone") }}', cast({{ add_days(as_of_date(), 1) }} as timestamp)))
{%- endmacro %}

{# The business day on which a UTC time falls. #}
{% macro local_date(utc_time) -%}
    {{ adapter.dispatch('local_date', 'crm')(utc_time) }}
{%- endmacro %}

{% macro default__local_date(utc_time) -%}
    cast(from_utc_timestamp({{ utc_time }}, '{{ var("timezone") }}') as date)
{%- endmacro %}

{% macro duckdb__local_date(utc_time) -%}
    {#- Converting a zone costs more than all else in a scan; in UTC there is nothing to convert. -#}
    {%- if var("timezone") == 'UTC' -%}
        cast({{ utc_time }} as date)
    {%- else -%}
        cast(timezone('{{ var("timezone") }}', timezone('UTC', {{ utc_time }})) as date)
    {%- endif -%}
{%- endmacro %}

{# The hour of the business day (0-23) in which a UTC time falls. #}
{% macro local_hour(utc_time) -%}
    {{ adapter.dispatch('local_hour', 'crm')(utc_time) }}
{%- endmacro %}

{% macro default__local_hour(utc_time) -%}
    cast(hour(from_utc_timestamp({{ utc_time }}, '{{ var("timezone") }}')) as bigint)
{%- endmacro %}

{% macro duckdb__local_hour(utc_time) -%}
    {%- if var("timezone") == 'UTC' -%}
        extract(hour from {{ utc_time }})
    {%- else -%}
        extract(hour from timezone('{{ var("timezone") }}', timezone('UTC', {{ utc_time }})))
    {%- endif -%}
{%- endmacro %}

{# The day of the week, 1 = Monday to 7 = Sunday. #}
{% macro weekday(day) -%}
    {{ adapter.dispatch('weekday', 'crm')(day) }}
{%- endmacro %}

{% macro default__weekday(day) -%}
    cast(weekday({{ day }}) + 1 as bigint)
{%- endmacro %}

{% macro duckdb__weekday(day) -%}
    cast(isodow({{ day }}) as bigint)
{%- endmacro %}

{# A UTC time as far as it is known on the as-of date: null where it is later. #}
{% macro known_time(utc_time) -%}
    case when {{ utc_time }} < {{ end_of_as_of_day() }} then {{ utc_time }} end
{%- endmacro %}

{% macro seconds_between(earlier, later) -%}
    {{ dbt.datediff(earlier, later, 'second') }}
{%- endmacro %}

{% macro minutes_between(earlier, later) -%}
    {{ ratio(seconds_between(earlier, later), 60) }}
{%- endmacro %}

{% macro hours_between(earlier, later) -%}
    {{ ratio(minutes_between(earlier, later), 60) }}
{%- endmacro %}

{% macro add_days(day, number) -%}
    cast({{ dbt.dateadd('day', number, day) }} as date)
{%- endmacro %}

{% macro add_months(day, number) -%}
    cast({{ dbt.dateadd('month', number, day) }} as date)
{%- endmacro %}

{% macro days_between(earlier, later) -%}
    {{ dbt.datediff(earlier, later, 'day') }}
{%- endmacro %}

{# The months that begin between two days; engines that count in months count those that have passed. #}
{% macro months_between(earlier, later) -%}
    (({{ month_number(later) }}) - ({{ month_number(earlier) }}))
{%- endmacro %}

{% macro month_number(day) -%}
    extract(year from {{ day }}) * 12 + extract(month from {{ day }})
{%- endmacro %}

{% macro month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro year_of(day) -%}
    cast(date_trunc('year', {{ day }}) as date)
{%- endmacro %}

{% macro month_end(day) -%}
    cast(last_day({{ day }}) as date)
{%- endmacro %}

{# The days from the first to the last, one row each: stands in a select list. #}
{% macro each_day(first_day, last_day) -%}
    {{ adapter.dispatch('each_day', 'crm')(first_day, last_day) }}
{%- endmacro %}

{% macro default__each_day(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day))
{%- endmacro %}

{% macro duckdb__each_day(first_day, last_day) -%}
    cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date)
{%- endmacro %}

{# Rows (month_start) from the month of `first_day` to that of `last_day`; none when either is null. #}
{% macro month_spine(first_day, last_day) -%}
    {{ adapter.dispatch('month_spine', 'crm')(first_day, last_day) }}
{%- endmacro %}

{% macro default__month_spine(first_day, last_day) -%}
    select explode(sequence({{ month_of(first_day) }}, {{ month_of(last_day) }}, interval 1 month)) as month_start
{%- endmacro %}

{% macro duckdb__month_spine(first_day, last_day) -%}
    select
        cast(
            unnest(generate_series({{ month_of(first_day) }}, {{ month_of(last_day) }}, interval 1 month)) as date
        ) as month_start
{%- endmacro %}

{# The columns of a table that hold a moment; none before it is built. #}
{% macro moments_of(relation) -%}
    {%- set columns = adapter.get_columns_in_relation(relation) if execute else [] -%}
    {%- set names = [] -%}
    {%- for column in columns if column.dtype.lower().startswith('timestamp') -%}
        {%- do names.append(column.name) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{# The months from that of the first row of a table up to the as-of date, one row each (month, is_complete). #}
{% macro months_since(table, day) -%}
    select month_start as month, {{ month_end('month_start') }} <= {{ as_of_date() }} as is_complete
    from ({{ month_spine('(select min(' ~ day ~ ') from ' ~ table ~ ')', as_of_date()) }}) as spine
{%- endmacro %}
