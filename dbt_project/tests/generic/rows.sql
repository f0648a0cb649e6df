{# Tests over several columns at once: one scan, where a test per column would cost as many. #}

{# The named columns together identify a row. #}
{% test unique_combination(model, columns) %}
select {{ columns | join(', ') }}, count(*) as occurrences
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{# None of the columns is ever empty. #}
{% test never_null(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}

{# Values, where given, are not below the minimum and not above the maximum. #}
{% test in_range(model, columns, minimum=0, maximum=none) %}
select {{ columns | join(', ') }}
from {{ model }}
where false
    {% for column in columns %}
    or {{ column }} < {{ minimum }}
    {% if maximum is not none %}or {{ column }} > {{ maximum }}{% endif %}
    {% endfor %}
{% endtest %}
