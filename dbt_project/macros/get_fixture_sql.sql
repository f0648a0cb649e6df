{# Rows for a unit test's input. dbt asks the warehouse for the columns of an input, but a source is Parquet in the lake
   and no table there: its columns are read from the files. #}
{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {%- set files = {'raw': 'raw/current/{}/*', 'identity': 'identity/current/{}', 'scoring': 'scoring/{}/*'} -%}
    {%- if this.schema in files -%}
        {%- set file = 'raw/current/ledger' if this.identifier == 'ledger' else files[this.schema].format(this.identifier) -%}
        {%- set path = env_var('CRM_LAKE', 'lake') ~ '/' ~ file ~ '.parquet' -%}
        {%- set columns = run_query("select column_name, column_type from (describe select * from '" ~ path ~ "')") -%}
        {{ lake_fixture_sql(rows, columns.rows) }}
    {%- else -%}
        {{ dbt.get_fixture_sql(rows, column_name_to_data_types) }}
    {%- endif -%}
{%- endmacro %}

{% macro lake_fixture_sql(rows, columns) -%}
    {%- set known = columns | map(attribute=0) | list -%}
    {%- for row in rows or [{}] %}
        {%- for name in row if name not in known -%}
            {{ exceptions.raise_compiler_error("The source has no column '" ~ name ~ "'; it has " ~ known | join(', ')) }}
        {%- endfor %}
        select
        {%- for name, type in columns %}
            {%- set value = row.get(name) %}
            cast({% if value is none %}null{% else %}'{{ value }}'{% endif %} as {{ type }}) as "{{ name }}"
            {{- "," if not loop.last }}
        {%- endfor %}
        {{ "union all" if not loop.last }}
    {%- endfor %}
    {% if not rows %}limit 0{% endif %}
{%- endmacro %}
