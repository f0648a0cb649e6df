{{ config(meta={'dagster': {'ref': {'name': 'fct_web_sessions'}}}) }}

-- Visits hold every event once, and the facts of money add up to what staging holds.
{% for subject, staged, found in [
    ('events', 'select count(*) from ' ~ ref('stg_web_events'), 'select sum(events) from ' ~ ref('fct_web_sessions')),
    ('ad spend', 'select sum(spend) from ' ~ ref('stg_ad_spend'), 'select sum(spend) from ' ~ ref('fct_ad_spend')),
    ('points', 'select sum(points) from ' ~ ref('stg_loyalty_events'),
     'select sum(points) from ' ~ ref('fct_loyalty_events')),
] %}
select '{{ subject }}' as subject, ({{ staged }}) as staged, ({{ found }}) as in_facts
where coalesce(({{ staged }}), 0) <> coalesce(({{ found }}), 0)
{{ "union all" if not loop.last }}
{%- endfor %}
