{# The attributes of the golden record as the contract of channel `customers` lists them, of all or some who tell them:
   each with `name`, `type`, `format` and `told_by` (`crm_pipeline/config/contract.py` says what its values mean). #}
{% macro golden_attributes(told_by=none) -%}
    {%- if execute and not var('golden_attributes') -%}
        {{ exceptions.raise_compiler_error("Name the attributes of the golden record: --vars '{golden_attributes: ...}', "
            "as crm_pipeline.dbt.project.dbt_vars does") }}
    {%- endif -%}
    {%- set attributes = var('golden_attributes') -%}
    {%- do return(attributes | selectattr('told_by', 'in', told_by) | list if told_by else attributes) -%}
{%- endmacro %}

{# The names of these attributes. #}
{% macro golden_names(told_by=none) -%}
    {%- do return(golden_attributes(told_by) | map(attribute='name') | list) -%}
{%- endmacro %}

{# What a source says of an attribute: text without blanks around it, the code of a language in lower case. #}
{% macro told_value(attribute) -%}
    {%- set value = filled(attribute.name) if attribute.type == 'VARCHAR' else attribute.name -%}
    {{ 'lower(' ~ value ~ ')' if attribute.format == 'language' else value }}
{%- endmacro %}

{# What people consent to: column of the golden record, purpose and contact channel of the decisions on it. #}
{% macro golden_consents() -%}
    {%- do return([
        {'name': 'consent_email', 'purpose': 'marketing', 'contact_channel': 'email'},
        {'name': 'consent_phone', 'purpose': 'marketing', 'contact_channel': 'phone'},
        {'name': 'consent_post', 'purpose': 'marketing', 'contact_channel': 'post'},
        {'name': 'consent_push', 'purpose': 'marketing', 'contact_channel': 'push'},
        {'name': 'consent_profiling', 'purpose': 'profiling', 'contact_channel': 'all'},
    ]) -%}
{%- endmacro %}
