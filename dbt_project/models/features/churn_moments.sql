-- Who churned, and who ordered again in time, with what they went through around the order in question. Both are taken
-- on the day on which they would have churned without another order, so that like is compared with like: the same
-- length of time after an order, and the same window of 90 days, 60 up to the order and 30 after it.

{%- set window_starts = add_days('moments.ordered_on', -59) %}
{%- set window_ends = add_days('moments.ordered_on', 30) %}
{%- set answer_minutes = 60 * var('first_response_target_hours') %}
{%- set resolution_minutes = 60 * var('resolution_target_hours') %}
{%- set window_before_starts = add_days('moments.ordered_on', -149) %}

with rhythms as (
    select *, coalesce(next_ordered_on > churns_on, true) as has_churned
    from {{ ref('purchase_rhythms') }}
    where
        churns_on <= {{ as_of_date() }}
        and churns_on > {{ add_months(as_of_date(), -(var('feature_grid_months') | int)) }}
),

moments as (
    select
        customer_key,
        {{ month_of('churns_on') }} as month,
        ordered_on,
        has_churned
    from rhythms
    qualify
        row_number() over (
            partition by customer_key, {{ month_of('churns_on') }} order by has_churned desc, ordered_on desc
        ) = 1
),

tickets as (
    select
        moments.customer_key,
        moments.ordered_on,
        max(case when facts.first_response_minutes <= {{ answer_minutes }} then 0 else 1 end) as slow_answer,
        max(case when facts.resolution_minutes <= {{ resolution_minutes }} then 0 else 1 end) as late_resolution,
        max(case when facts.satisfaction <= 2 then 1 else 0 end) as low_satisfaction
    from {{ ref('fct_support_tickets') }} as facts
    inner join moments on facts.customer_key = moments.customer_key
    where facts.opened_on between {{ window_starts }} and {{ window_ends }}
    group by moments.customer_key, moments.ordered_on
),

contacts as (
    select
        moments.customer_key,
        moments.ordered_on,
        count(*) filter (where facts.sent_on between {{ window_starts }} and {{ window_ends }}) as contacts,
        max(
            case
                when {{ local_date('facts.unsubscribed_at') }} between {{ window_starts }} and {{ window_ends }} then 1
                else 0
            end
        ) as unsubscribed
    from {{ ref('fct_campaign_contacts') }} as facts
    inner join moments on facts.customer_key = moments.customer_key
    group by moments.customer_key, moments.ordered_on
),

engagements as (
    select customer_key, started_on as day from {{ ref('fct_web_sessions') }} where customer_key is not null
    union all
    select customer_key, {{ local_date('opened_at') }} as day
    from {{ ref('fct_campaign_contacts') }}
    where customer_key is not null and opened_at is not null
),

engagement as (
    select
        moments.customer_key,
        moments.ordered_on,
        count(*) filter (where facts.day < {{ window_starts }}) as engagements_before,
        count(*) filter (where facts.day >= {{ window_starts }}) as engagements
    from engagements as facts
    inner join moments on facts.customer_key = moments.customer_key
    where facts.day between {{ window_before_starts }} and {{ window_ends }}
    group by moments.customer_key, moments.ordered_on
),

products as (
    select
        customer_key,
        product_key,
        ordered_on,
        sum(quantity) as units,
        sum(revenue + refunded_amount) as paid
    from {{ ref('fct_order_lines') }}
    where customer_key is not null and product_key is not null and kind = 'sale' and status = 'completed'
    group by customer_key, product_key, ordered_on
),

-- What a basket cost, and would have cost at the prices that the person had paid for the same products before.
repeated as (
    select
        customer_key,
        ordered_on,
        paid,
        units * lag({{ ratio('paid', 'units') }}) over (
            partition by customer_key, product_key order by ordered_on nulls last
        ) as paid_before
    from products
),

dearer_days as (
    select customer_key, ordered_on
    from repeated
    where paid_before > 0
    group by customer_key, ordered_on
    having sum(paid) >= 1.1 * sum({{ to_price('paid_before') }})
)

select
    moments.customer_key,
    moments.month,
    moments.ordered_on,
    moments.has_churned,
    coalesce(tickets.slow_answer, 0) as slow_answer,
    coalesce(tickets.late_resolution, 0) as late_resolution,
    coalesce(tickets.low_satisfaction, 0) as low_satisfaction,
    case when dearer_days.customer_key is not null then 1 else 0 end as higher_price,
    case
        when
            past.discount_share - {{ ratio('days.discount_amount', 'days.counted_revenue + days.discount_amount') }}
            >= 0.05 then 1
        else 0
    end as smaller_discount,
    case
        when engagement.engagements_before >= 3 and 2 * engagement.engagements <= engagement.engagements_before then 1
        else 0
    end as less_engagement,
    coalesce(contacts.contacts, 0) as contacts,
    coalesce(contacts.unsubscribed, 0) as unsubscribed
from moments
inner join {{ ref('customer_days') }} as days
    on moments.customer_key = days.customer_key and moments.ordered_on = days.day
left join {{ ref('purchase_states') }} as past
    on moments.customer_key = past.customer_key and moments.ordered_on = past.valid_to
left join tickets on moments.customer_key = tickets.customer_key and moments.ordered_on = tickets.ordered_on
left join contacts on moments.customer_key = contacts.customer_key and moments.ordered_on = contacts.ordered_on
left join engagement on moments.customer_key = engagement.customer_key and moments.ordered_on = engagement.ordered_on
left join dearer_days on moments.customer_key = dearer_days.customer_key and moments.ordered_on = dearer_days.ordered_on
