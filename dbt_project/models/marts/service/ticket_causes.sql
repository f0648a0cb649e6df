-- What tickets are about, by the category that staff chose and by the topic found in their words, and whether people
-- bought again. Whoever asks has often just ordered: they are compared with buyers who did not ask and had last ordered
-- as lately. That is no experiment: what made them ask may also be what made them stay or go.

{%- set followed_until = add_days(as_of_date(), -90) %}

with tickets as (
    select
        *,
        opened_on > {{ add_months(as_of_date(), -12) }} as is_in_12m,
        {{ is_resolved('tickets') }} or reopen_count > 0 as was_resolved,
        {{ service_cost('contact_channel') }} as service_cost
    from {{ ref('fct_support_tickets') }} as tickets
    where opened_on > {{ add_months(add_days(followed_until, -90), -12) }}
),

causes as (
    select 'category' as cause_kind, coalesce(category, 'unknown') as cause, ticket_key from tickets
    union all
    select 'topic' as cause_kind, topic as cause, ticket_key
    from {{ source('scoring', 'ticket_topics') }}
    where as_of_date = {{ as_of_date() }}
),

order_days as (
    select
        customer_key,
        ordered_on,
        lead(ordered_on) over (partition by customer_key order by ordered_on nulls last) as next_ordered_on
    from (select distinct customer_key, ordered_on from {{ ref('fct_orders') }} where is_counted) as days
    where customer_key is not null
),

-- The first days of the last twelve months whose 90 days are over: those without a ticket are looked at on them.
sample_days as (
    select month_start as day
    from ({{ month_spine(add_months(followed_until, -11), followed_until) }}) as spine
),

askers_nearby as (
    select distinct
        tickets.customer_key,
        sample_days.day
    from tickets
    inner join sample_days
        on
            tickets.opened_on >= {{ add_days('sample_days.day', -90) }}
            and tickets.opened_on <= {{ add_days('sample_days.day', 90) }}
),

observed as (
    select tickets.ticket_key, tickets.opened_on as day, order_days.ordered_on, order_days.next_ordered_on
    from tickets
    inner join order_days
        on
            tickets.customer_key = order_days.customer_key
            and tickets.opened_on >= order_days.ordered_on
            and (order_days.next_ordered_on is null or tickets.opened_on < order_days.next_ordered_on)
    where tickets.opened_on <= {{ followed_until }} and tickets.opened_on > {{ add_months(followed_until, -12) }}
    union all
    select null as ticket_key, sample_days.day, order_days.ordered_on, order_days.next_ordered_on
    from order_days
    inner join sample_days
        on
            order_days.ordered_on <= sample_days.day
            and (order_days.next_ordered_on is null or order_days.next_ordered_on > sample_days.day)
    left join askers_nearby
        on sample_days.day = askers_nearby.day and order_days.customer_key = askers_nearby.customer_key
    where askers_nearby.customer_key is null
),

-- Days since the last order, in bands; who has not ordered for a year is in none.
placed as (
    select
        ticket_key,
        case
            {%- for days in [7, 30, 60, 90, 180, 365] %}
            when {{ days_between('ordered_on', 'day') }} <= {{ days }} then {{ days }}
            {%- endfor %}
        end as recency_band,
        case when next_ordered_on <= {{ add_days('day', 90) }} then 1 else 0 end as has_repurchased
    from observed
),

expected as (
    select recency_band, cast({{ ratio('sum(has_repurchased)', 'count(*)') }} as decimal(18, 9)) as rate
    from placed
    where ticket_key is null and recency_band is not null
    group by recency_band
),

followed as (
    select placed.ticket_key, placed.has_repurchased, expected.rate as expected_rate
    from placed
    inner join expected on placed.recency_band = expected.recency_band
    where placed.ticket_key is not null
),

summed as (
    select
        causes.cause_kind,
        causes.cause,
        count(*) filter (where tickets.is_in_12m) as tickets_12m,
        count(*) filter (where tickets.opened_on > {{ add_days(as_of_date(), -90) }}) as tickets_90d,
        count(*) filter (
            where tickets.opened_on > {{ add_days(as_of_date(), -180) }}
            and tickets.opened_on <= {{ add_days(as_of_date(), -90) }}
        ) as tickets_prev_90d,
        count(distinct tickets.customer_key) filter (where tickets.is_in_12m) as people_12m,
        count(tickets.satisfaction) filter (where tickets.is_in_12m) as rated_12m,
        sum(tickets.satisfaction) filter (where tickets.is_in_12m) as satisfaction_sum,
        {{ ratio('count(*) filter (where tickets.is_in_12m and tickets.reopen_count > 0)',
            'count(*) filter (where tickets.is_in_12m and tickets.was_resolved)') }} as reopen_rate,
        sum(tickets.service_cost) filter (where tickets.is_in_12m) as service_cost,
        percentile_cont(0.5) within group (
            order by case when tickets.is_in_12m then tickets.resolution_minutes end asc
        ) as resolution_minutes,
        count(followed.ticket_key) as followed_tickets,
        {{ ratio('sum(followed.has_repurchased)', 'count(followed.ticket_key)') }} as repurchase_rate,
        {{ ratio('sum(followed.expected_rate)', 'count(followed.ticket_key)') }} as repurchase_rate_without_ticket
    from causes
    inner join tickets on causes.ticket_key = tickets.ticket_key
    left join followed on causes.ticket_key = followed.ticket_key
    group by causes.cause_kind, causes.cause
)

select
    cause_kind,
    cause,
    tickets_12m,
    {{ ratio('tickets_12m', 'sum(tickets_12m) over (partition by cause_kind)') }} as share_12m,
    people_12m,
    tickets_90d,
    tickets_prev_90d,
    {{ ratio('tickets_90d - tickets_prev_90d', 'tickets_prev_90d') }} as trend,
    rated_12m,
    {{ ratio('satisfaction_sum', 'rated_12m') }} as satisfaction,
    reopen_rate,
    {{ ratio('resolution_minutes', 60) }} as resolution_hours_median,
    {{ to_money('service_cost') }} as service_cost_12m,
    followed_tickets,
    repurchase_rate,
    repurchase_rate_without_ticket,
    repurchase_rate - repurchase_rate_without_ticket as repurchase_difference,
    1.96 * sqrt({{ ratio('repurchase_rate * (1 - repurchase_rate)', 'followed_tickets') }})
        as repurchase_margin_of_error
from summed
