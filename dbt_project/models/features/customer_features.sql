-- The past is put together when it is asked for: ask date by date.
{{ config(materialized='view') }}

with past as (
    {{ feature_rows(when='as_of_date < ' ~ as_of_date()) | indent(4) }}
)

select * from {{ ref('current_features') }}
union all
select * from past
