{# Each contact is of a kind that the contract of some channel tells. #}
{% test kind_of_a_touch(model, column_name) %}
{%- set kinds = channels() | sum(attribute='touches', start=[]) | map(attribute='kind') | unique | join("', '") %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} not in ('{{ kinds }}')
{% endtest %}
