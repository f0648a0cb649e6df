-- What each person asked of the service by each as-of date, and how it went as far as it was known then: an answer, a
-- resolution, a reopening and a rating count from their own days on.

with ratings as (
    select ticket_key, satisfaction_at from {{ ref('stg_support_tickets') }}
),

tickets as (
    select
        tickets.*,
        -- No contract has a word for complaints: what presses is one, and what a source calls so.
        coalesce(tickets.priority in ('high', 'urgent'), false)
        or coalesce(tickets.category like '%complaint%', false) as is_complaint,
        {{ local_date('tickets.first_response_at') }} as first_response_on,
        {{ local_date('tickets.reopened_at') }} as reopened_on,
        case
            when tickets.satisfaction is not null
                then {{ local_date('coalesce(ratings.satisfaction_at, tickets.resolved_at, tickets.opened_at)') }}
        end as rated_on,
        tickets.resolved_at is null and {{ is_resolved('tickets') }} as is_resolved_undated
    from {{ ref('fct_support_tickets') }} as tickets
    left join ratings on tickets.ticket_key = ratings.ticket_key
    where tickets.customer_key is not null
),

dates as (
    select * from {{ ref('as_of_dates') }}
),

-- The place of each rating among those of the person: of several on one day the ticket opened last comes last.
placed as (
    select
        *,
        case when rated_on is not null then row_number() over (
            partition by customer_key
            order by rated_on asc nulls first, opened_at asc nulls last, ticket_key asc nulls last
        ) end as rating_number
    from tickets
),

{%- set in_12m = 'placed.opened_on > dates.months_12_before' %}

summed as (
    select
        placed.customer_key,
        dates.as_of_date,
        count(*) filter (where {{ in_12m }}) as tickets_12m,
        count(*) filter (where placed.opened_on > dates.days_90_before) as tickets_90d,
        count(*) filter (
            where placed.opened_on > dates.days_180_before and placed.opened_on <= dates.days_90_before
        ) as tickets_prev_90d,
        count(*) filter (where {{ in_12m }} and placed.is_complaint) as complaints_12m,
        count(*) filter (
            where placed.reopened_on > dates.months_12_before and placed.reopened_on <= dates.as_of_date
        ) as reopened_12m,
        {{ mean(
            'placed.first_response_minutes', where=in_12m ~ ' and placed.first_response_on <= dates.as_of_date'
        ) }} as first_response_minutes,
        {{ mean('placed.resolution_minutes', where=in_12m ~ ' and placed.resolved_on <= dates.as_of_date') }}
            as resolution_minutes,
        max_by(placed.satisfaction, placed.rating_number) filter (
            where placed.rated_on <= dates.as_of_date
        ) as last_ticket_satisfaction,
        count(*) filter (
            where not placed.is_resolved_undated and coalesce(placed.resolved_on > dates.as_of_date, true)
        ) as open_tickets
    from placed
    inner join dates on placed.opened_on <= dates.as_of_date
    group by placed.customer_key, dates.as_of_date
)

select
    customer_key,
    as_of_date,
    tickets_12m,
    tickets_90d,
    tickets_prev_90d,
    complaints_12m,
    reopened_12m,
    {{ ratio('first_response_minutes', 60) }} as avg_first_response_hours_12m,
    {{ ratio('resolution_minutes', 60) }} as avg_resolution_hours_12m,
    cast(last_ticket_satisfaction as double) as last_ticket_satisfaction,
    open_tickets
from summed
