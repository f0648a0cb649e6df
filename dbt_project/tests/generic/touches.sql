{# Each contact is of a kind that the contract of some channel tells. #}
{% test kind_of_a_touch(model, column_name) %}
select {{ column_name }}
from {{ model }}
where
    {{ column_name }} not in (
        {%- for channel in channels() -%}
        {%- for touch in channel.touches %}'{{ touch.kind }}', {% endfor -%}
        {%- endfor %}''
    )
{% endtest %}
