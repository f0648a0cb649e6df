{{ config(meta={'dagster': {'ref': {'name': 'stg_orders'}}}) }}

-- Whatever staging holds a time of, in each channel; only a customer record's last change may not be known yet.
{% for channel in channels() if channel.moment %}
{%- set staged = ref('stg_' ~ channel.name) %}
{%- for moment in moments_of(staged) if not (channel.name == 'customers' and moment == 'updated_at') %}
select '{{ channel.name }}' as held_in, '{{ moment }}' as told_by, count(*) as occurrences
from {{ staged }}
where {{ moment }} >= {{ end_of_as_of_day() }}
having count(*) > 0
union all
{%- endfor %}
{%- if channel.is_dated_by_day %}
select '{{ channel.name }}' as held_in, '{{ channel.moment }}' as told_by, count(*) as occurrences
from {{ staged }}
where {{ channel.moment }} > {{ as_of_date() }}
having count(*) > 0
union all
{%- endif %}
{%- endfor %}
select 'identifiers' as held_in, 'known_at' as told_by, count(*) as occurrences
from {{ ref('stg_identifiers') }}
where known_at >= {{ end_of_as_of_day() }}
having count(*) > 0
union all
select 'orders' as held_in, 'ordered_on' as told_by, count(*) as occurrences
from {{ ref('stg_orders') }}
where ordered_on > {{ as_of_date() }}
having count(*) > 0
