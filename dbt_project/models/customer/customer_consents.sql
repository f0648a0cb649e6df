-- What a person agrees to on the as-of date: of each record the latest decision holds, and a single no among a person's
-- records outweighs every yes.

with decisions as (
    select * from {{ ref('fct_consents') }} where is_current and customer_key is not null
)

select
    customer_key,
    {%- for channel in ['email', 'phone', 'post', 'push'] %}
    coalesce(bool_and(is_granted) filter (where purpose = 'marketing' and contact_channel = '{{ channel }}'), false)
        as consent_{{ channel }},
    {%- endfor %}
    coalesce(bool_and(is_granted) filter (where purpose = 'profiling'), false) as consent_profiling,
    max(decided_on) filter (where purpose = 'marketing') as consent_on
from decisions
group by customer_key
