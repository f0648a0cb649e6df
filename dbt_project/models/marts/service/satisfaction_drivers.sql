-- What goes along with high and low answers: mean answer with and without each driver, among those answers for which it
-- is known, over 24 months. Differences, not causes: drivers come together. Fewer than five answers tell nothing.

{%- set target = var('first_response_target_hours') %}
{%- set drivers = [
    'asked_the_service', 'waited_for_an_answer', 'ticket_was_reopened', 'returned_goods', 'order_was_discounted',
    'ordered_online', 'customer_for_a_year', 'loyalty_member',
] %}

with responses as (
    select * from {{ ref('fct_survey_responses') }}
    where
        is_in_scale and (kind <> 'nps' or nps_group is not null)
        and answered_on > {{ add_months(as_of_date(), -24) }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

people as (
    select customer_key, known_since from {{ ref('dim_customers') }}
),

members as (
    select customer_key, min(occurred_on) as joined_on from {{ ref('fct_loyalty_events') }} group by customer_key
),

-- What had happened in the 90 days up to the answer.
service as (
    select
        responses.response_key,
        max(case when tickets.first_response_minutes > 60.0 * {{ target }} then 1 else 0 end) as waits,
        max(case when {{ local_date('tickets.reopened_at') }} <= responses.answered_on then 1 else 0 end) as reopenings
    from responses
    inner join {{ ref('fct_support_tickets') }} as tickets
        on
            responses.customer_key = tickets.customer_key
            and responses.answered_on >= tickets.opened_on
            and tickets.opened_on > {{ add_days('responses.answered_on', -90) }}
    group by responses.response_key
),

returns as (
    select customer_key, ordered_on as returned_on from orders where kind = 'return'
    union all
    select customer_key, refunded_on as returned_on from orders where refunded_amount > 0
),

returners as (
    select distinct responses.response_key
    from responses
    inner join returns
        on
            responses.customer_key = returns.customer_key
            and responses.answered_on >= returns.returned_on
            and returns.returned_on > {{ add_days('responses.answered_on', -90) }}
),

answers as (
    select
        responses.kind,
        responses.customer_key,
        responses.score_share,
        service.response_key is not null as asked_the_service,
        service.waits = 1 as waited_for_an_answer,
        service.reopenings = 1 as ticket_was_reopened,
        returners.response_key is not null as returned_goods,
        orders.discount_amount > 0 as order_was_discounted,
        orders.sales_channel <> 'store' as ordered_online,
        people.known_since <= {{ add_days('responses.answered_on', -365) }} as customer_for_a_year,
        coalesce(members.joined_on <= responses.answered_on, false) as loyalty_member
    from responses
    inner join people on responses.customer_key = people.customer_key
    left join service on responses.response_key = service.response_key
    left join returners on responses.response_key = returners.response_key
    left join orders on responses.order_key = orders.order_key
    left join members on responses.customer_key = members.customer_key
),

driven as (
    {%- for driver in drivers %}
    select
        kind,
        customer_key,
        cast(score_share as decimal(18, 9)) as answer,
        '{{ driver }}' as driver,
        {{ driver }} as is_with
    from answers
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

summed as (
    select
        kind,
        driver,
        {%- for side, condition in [('with', 'is_with'), ('without', 'not is_with')] %}
        count(*) filter (where {{ condition }}) as answers_{{ side }},
        count(distinct customer_key) filter (where {{ condition }}) as people_{{ side }},
        {{ ratio('sum(answer) filter (where ' ~ condition ~ ')', 'count(*) filter (where ' ~ condition ~ ')') }}
            as mean_{{ side }},
        round(var_samp(answer) filter (where {{ condition }}), 12) as variance_{{ side }},
        {%- endfor %}
        round(stddev_samp(answer) filter (where is_with is not null), 12) as spread
    from driven
    group by kind, driver
)

select
    kind,
    driver,
    answers_with,
    answers_without,
    people_with,
    people_without,
    mean_with,
    mean_without,
    mean_with - mean_without as difference,
    1.96 * sqrt(
        {{ ratio('variance_with', 'answers_with') }} + {{ ratio('variance_without', 'answers_without') }}
    ) as margin_of_error,
    {{ ratio('mean_with - mean_without', 'spread') }} as standardised_difference
from summed
where answers_with >= 5 and answers_without >= 5
