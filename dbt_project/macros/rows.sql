{# The rows of a raw table that are known on the as-of date, without those that a later delivery replaced. Within one
   source the lake keeps the last row of an id; only sources that share a system can both hold it, and only those few
   rows are put in order. #}
{% macro latest_rows(table, id, time=none) -%}
    {%- set condition = time ~ ' < ' ~ end_of_as_of_day() if time else 'true' -%}
    select every.*
    from {{ table }} as every
    left join (
        select doubles._system, doubles.{{ id }}, doubles._delivery, doubles._line
        from {{ table }} as doubles
        inner join (
            select _system, {{ id }} from {{ table }} where {{ condition }} group by _system, {{ id }} having count(*) > 1
        ) as given_twice on doubles._system = given_twice._system and doubles.{{ id }} = given_twice.{{ id }}
        where {{ condition }}
        qualify row_number() over (
            partition by doubles._system, doubles.{{ id }} order by doubles._delivery desc, doubles._line desc
        ) > 1
    ) as replaced
        on
            every._system = replaced._system
            and every.{{ id }} = replaced.{{ id }}
            and every._delivery = replaced._delivery
            and every._line = replaced._line
    where replaced._line is null and {{ condition }}
{%- endmacro %}
