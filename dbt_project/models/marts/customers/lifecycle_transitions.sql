with states as (
    select *, {{ month_of('valid_from') }} as month from {{ ref('lifecycle_states') }}
),

days as (
    select * from {{ ref('customer_days') }}
),

transitions as (
    select
        month,
        previous_stage as from_stage,
        stage as to_stage,
        count(*) as transitions,
        count(distinct customer_key) as people
    from states
    group by month, previous_stage, stage
),

-- What those who moved had bought in the 12 months before the day on which they moved.
bought as (
    select
        states.month,
        states.previous_stage as from_stage,
        states.stage as to_stage,
        sum(days.revenue) as revenue_12m,
        sum(days.margin) as margin_12m
    from states
    inner join days
        on
            states.customer_key = days.customer_key
            and states.valid_from > days.day
            and days.day >= {{ add_months('states.valid_from', -12) }}
    group by states.month, states.previous_stage, states.stage
),

steps as (
    select month, to_stage as stage, transitions as entered, 0 as gone from transitions
    union all
    select month, from_stage as stage, 0 as entered, transitions as gone
    from transitions
    where from_stage is not null
),

stage_months as (
    select stage, month, sum(entered) as entered, sum(entered - gone) as change
    from steps
    group by stage, month
),

-- Stays in a stage that a month saw: those that went on from before, and those that began in it.
stays as (
    select
        stage,
        month,
        entered + coalesce(
            sum(change) over (
                partition by stage order by month nulls last rows between unbounded preceding and 1 preceding
            ), 0
        ) as stays
    from stage_months
)

select
    transitions.month,
    transitions.from_stage,
    transitions.to_stage,
    transitions.transitions,
    transitions.people,
    cast(stays.stays as bigint) as stays,
    {{ ratio('transitions.transitions', 'stays.stays') }} as share,
    cast(coalesce(bought.revenue_12m, 0) as decimal(18, 2)) as revenue_12m,
    cast(coalesce(bought.margin_12m, 0) as decimal(18, 2)) as margin_12m
from transitions
left join stays on transitions.month = stays.month and transitions.from_stage = stays.stage
left join bought
    on
        transitions.month = bought.month
        and transitions.to_stage = bought.to_stage
        and transitions.from_stage is not distinct from bought.from_stage
