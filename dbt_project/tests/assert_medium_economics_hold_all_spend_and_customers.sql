{{ config(meta={'dagster': {'ref': {'name': 'medium_economics'}}}) }}

-- All ad spend is there to the cent, and each buyer is a new customer once.
with economics as (
    select coalesce(sum(ad_spend), 0) as ad_spend, coalesce(sum(new_customers), 0) as new_customers
    from {{ ref('medium_economics') }}
),

spend as (
    select coalesce(sum(spend), 0) as ad_spend from {{ ref('fct_ad_spend') }}
),

buyers as (
    select count(distinct customer_key) as buyers from {{ ref('fct_orders') }} where is_counted
)

select economics.ad_spend, spend.ad_spend as spent, economics.new_customers, buyers.buyers
from economics
cross join spend
cross join buyers
where economics.ad_spend <> spend.ad_spend or economics.new_customers <> buyers.buyers
