{{ config(meta={'dagster': {'ref': {'name': 'stg_orders'}}}) }}

-- An amount in a currency without a rate on its day is worth nobody knows what. Deliver the rates from the first day on
-- that is shown here (channel exchange_rates), or correct the currency.
with amounts as (
    select 'orders' as channel, currency, ordered_on as day from {{ ref('stg_orders') }} where exchange_rate is null
    union all
    select 'order_lines' as channel, lines.currency, orders.ordered_on as day
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ ref('stg_orders') }} as orders on lines.order_key = orders.order_key
    where lines.net_amount is null
    union all
    select 'campaigns' as channel, currency, coalesce(starts_on, {{ as_of_date() }}) as day
    from {{ ref('stg_campaigns') }}
    where exchange_rate is null
    union all
    select 'ad_spend' as channel, currency, spend_on as day from {{ ref('stg_ad_spend') }} where exchange_rate is null
)

select channel, currency, min(day) as first_day, count(*) as amounts
from amounts
group by channel, currency
