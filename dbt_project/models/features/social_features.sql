-- What each person wrote in public in the 12 months up to each as-of date.

with mentions as (
    select * from {{ ref('fct_social_mentions') }} where customer_key is not null
),

dates as (
    select * from {{ ref('as_of_dates') }}
)

select
    mentions.customer_key,
    dates.as_of_date,
    count(*) as mentions_12m,
    cast(coalesce(sum(mentions.reach), 0) as bigint) as reach_12m
from mentions
inner join dates on mentions.posted_on <= dates.as_of_date and mentions.posted_on > dates.months_12_before
group by mentions.customer_key, dates.as_of_date
