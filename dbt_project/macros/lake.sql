{# Views over the Parquet files of the lake, one per source that this invocation reads: to a model a source is a table,
   whatever engine it runs on. A source of which no file is there yet has no view. #}
{% macro make_lake_views() -%}
    {%- if execute -%}
        {%- set sources = lake_sources() -%}
        {%- set found = run_query(lake_files_found(sources)).columns[0].values() if sources else [] -%}
        {%- for schema in sources | map(attribute='schema') | unique if found -%}
            {%- do run_query('create schema if not exists ' ~ schema) -%}
        {%- endfor -%}
        {%- for source in sources if source.unique_id in found -%}
            {%- do run_query(lake_view(source)) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# The sources that the selected models, or the models of selected unit tests, read. #}
{% macro lake_sources() -%}
    {%- set models = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'test') -%}
        {%- do models.update({node.unique_id: node, node.name: node}) -%}
    {%- endfor -%}
    {%- set needed = [] -%}
    {%- for selected in selected_resources -%}
        {%- set parts = selected.split('.') -%}
        {%- set node = models.get(parts[2] if parts[0] == 'unit_test' else selected) -%}
        {%- do needed.extend(node.depends_on.nodes if node else []) -%}
    {%- endfor -%}
    {%- set sources = [] -%}
    {%- for source in graph.sources.values() if source.unique_id in needed -%}
        {%- do sources.append(source) -%}
    {%- endfor -%}
    {{ return(sources) }}
{%- endmacro %}

{# The files of a source, as a pattern in SQL quotes. #}
{% macro lake_files(source) -%}
    '{{ env_var("CRM_LAKE", "lake") | replace("'", "''") }}/{{ source.config.meta.files | replace("{name}", source.name) }}'
{%- endmacro %}

{# Those of the sources that have a file, by their ids. #}
{% macro lake_files_found(sources) -%}
    {{ adapter.dispatch('lake_files_found', 'crm')(sources) }}
{%- endmacro %}

{% macro default__lake_files_found(sources) -%}
    {%- for source in sources -%}
        select '{{ source.unique_id }}' as unique_id{{ ' union all ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro duckdb__lake_files_found(sources) -%}
    {%- for source in sources -%}
        select '{{ source.unique_id }}' as unique_id where exists (from glob({{ lake_files(source) }}))
        {{- ' union all ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro lake_view(source) -%}
    {{ adapter.dispatch('lake_view', 'crm')(source) }}
{%- endmacro %}

{% macro default__lake_view(source) -%}
    create or replace view {{ source.relation_name }} as
    select * from parquet.`{{ lake_files(source)[1:-1] }}`
{%- endmacro %}

{# Folders named like `shop=uk` above the lake are no columns. #}
{% macro duckdb__lake_view(source) -%}
    create or replace view {{ source.relation_name }} as
    select * from read_parquet(
        {{ lake_files(source) }},
        hive_partitioning = false,
        union_by_name = {{ source.config.meta.get('union_by_name', false) }}
    )
{%- endmacro %}
