-- How tickets were served, by the month in which they were opened. Cells without a new ticket are shown from the first
-- one on, since tickets may still be open there.

{%- set answer_target = var('first_response_target_hours') %}
{%- set resolution_target = var('resolution_target_hours') %}

with tickets as (
    select
        coalesce(contact_channel, 'unknown') as contact_channel,
        coalesce(category, 'unknown') as category,
        opened_on,
        resolved_on,
        {{ month_of('opened_on') }} as month,
        first_response_at is not null as is_answered,
        {{ is_resolved('tickets') }} as is_resolved,
        reopen_count,
        satisfaction,
        {{ ratio('first_response_minutes', 60) }} as first_response_hours,
        {{ ratio('resolution_minutes', 60) }} as resolution_hours,
        {{ hours_between('opened_at', end_of_as_of_day()) }} as hours_so_far
    from {{ ref('fct_support_tickets') }} as tickets
),

-- Whether a ticket was in time is known once it is dealt with, or once the time is up.
timed as (
    select
        *,
        case
            when first_response_hours is not null then first_response_hours <= {{ answer_target }}
            when not is_answered and not is_resolved and hours_so_far > {{ answer_target }} then false
        end as is_answered_in_time,
        case
            when resolution_hours is not null then resolution_hours <= {{ resolution_target }}
            when not is_resolved and hours_so_far > {{ resolution_target }} then false
        end as is_resolved_in_time
    from tickets
),

months as (
    {{ months_since(ref('fct_support_tickets'), 'opened_on') }}
),

cells as (
    select contact_channel, category, min(month) as first_month from tickets group by contact_channel, category
),

served as (
    select
        month,
        contact_channel,
        category,
        count(*) as tickets,
        percentile_cont(0.5) within group (order by first_response_hours asc) as first_response_hours_median,
        percentile_cont(0.9) within group (order by first_response_hours asc) as first_response_hours_p90,
        percentile_cont(0.5) within group (order by resolution_hours asc) as resolution_hours_median,
        percentile_cont(0.9) within group (order by resolution_hours asc) as resolution_hours_p90,
        {{ ratio('count(*) filter (where is_answered_in_time)', 'count(is_answered_in_time)') }}
            as answered_in_time_share,
        {{ ratio('count(*) filter (where is_resolved_in_time)', 'count(is_resolved_in_time)') }}
            as resolved_in_time_share,
        {{ ratio('count(*) filter (where reopen_count > 0)',
            'count(*) filter (where reopen_count > 0 or is_resolved)') }} as reopen_rate,
        count(satisfaction) as rated_tickets,
        {{ ratio('sum(satisfaction)', 'count(satisfaction)') }} as satisfaction,
        {{ ratio('count(*) filter (where satisfaction >= 4)', 'count(satisfaction)') }} as satisfied_share
    from timed
    group by month, contact_channel, category
),

-- A ticket is open from its opening to the resolution that stands; one that was resolved on an unknown day never is.
openings as (
    select month, contact_channel, category, 1 as change
    from tickets
    where resolved_on is not null or not is_resolved
    union all
    select {{ month_of('resolved_on') }} as month, contact_channel, category, -1 as change
    from tickets
    where resolved_on is not null
),

changes as (
    select month, contact_channel, category, sum(change) as change
    from openings
    group by month, contact_channel, category
),

orders as (
    select {{ month_of('ordered_on') }} as month, count(*) as orders
    from {{ ref('fct_orders') }}
    where is_counted
    group by {{ month_of('ordered_on') }}
),

joined as (
    select
        months.month,
        months.is_complete,
        cells.contact_channel,
        cells.category,
        coalesce(served.tickets, 0) as tickets,
        lag(coalesce(served.tickets, 0)) over cell_so_far as tickets_before,
        sum(coalesce(changes.change, 0)) over cell_so_far as open_at_month_end,
        orders.orders,
        served.first_response_hours_median,
        served.first_response_hours_p90,
        served.resolution_hours_median,
        served.resolution_hours_p90,
        served.answered_in_time_share,
        served.resolved_in_time_share,
        served.reopen_rate,
        served.rated_tickets,
        served.satisfaction,
        served.satisfied_share
    from cells
    inner join months on cells.first_month <= months.month
    left join served
        on
            months.month = served.month
            and cells.contact_channel = served.contact_channel
            and cells.category = served.category
    left join changes
        on
            months.month = changes.month
            and cells.contact_channel = changes.contact_channel
            and cells.category = changes.category
    left join orders on months.month = orders.month
    window cell_so_far as (partition by cells.contact_channel, cells.category order by months.month nulls last)
)

select
    month,
    contact_channel,
    category,
    is_complete,
    tickets,
    {{ ratio('tickets - tickets_before', 'tickets_before') }} as tickets_trend,
    {{ ratio('100 * tickets', 'orders') }} as tickets_per_100_orders,
    cast(open_at_month_end as bigint) as open_at_month_end,
    first_response_hours_median,
    first_response_hours_p90,
    answered_in_time_share,
    resolution_hours_median,
    resolution_hours_p90,
    resolved_in_time_share,
    reopen_rate,
    coalesce(rated_tickets, 0) as rated_tickets,
    satisfaction,
    satisfied_share
from joined
