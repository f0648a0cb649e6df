{{ config(meta={'dagster': {'ref': {'name': 'stg_orders'}}}) }}

-- Amounts are added up as they are: one order in another currency would make every total wrong.
select order_key, system, order_id, currency
from {{ ref('stg_orders') }}
where currency <> '{{ var("currency") }}'
