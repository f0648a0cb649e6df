-- What a person agrees to over time: after each day on which they decide, whether a record of theirs says yes and none
-- says no.

{%- set consents = golden_consents() | map(attribute='name') | list %}

with decisions as (
    select * from {{ ref('fct_consents') }} where customer_key is not null
),

-- How many more records of the person say yes, and how many more say no, since a decision.
turns as (
    select
        customer_key,
        coalesce(decided_on, date '1970-01-01') as day,
        'consent_' || case when purpose = 'profiling' then 'profiling' else contact_channel end as consent,
        case when is_granted then 1 else 0 end - case when was_granted then 1 else 0 end as more_yes,
        case when not is_granted then 1 else 0 end - case when not was_granted then 1 else 0 end as more_no
    from decisions
),

turns_by_day as (
    select
        customer_key,
        {%- for consent in consents %}
        sum(more_yes) filter (where consent = '{{ consent }}') as {{ consent }}_more_yes,
        sum(more_no) filter (where consent = '{{ consent }}') as {{ consent }}_more_no,
        {%- endfor %}
        day
    from turns
    group by customer_key, day
)

select
    customer_key,
    {%- for consent in consents %}
    coalesce(sum({{ consent }}_more_yes) over so_far, 0) > 0
    and coalesce(sum({{ consent }}_more_no) over so_far, 0) = 0 as {{ consent }},
    {%- endfor %}
    day
from turns_by_day
window so_far as (partition by customer_key order by day nulls last)
