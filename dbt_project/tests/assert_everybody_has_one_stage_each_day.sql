{{ config(meta={'dagster': {'ref': {'name': 'lifecycle_states'}}}) }}

-- The days of all periods are as many as the days since the person was first known; one period is still open.
with states as (
    select *, coalesce(valid_to, {{ add_days(as_of_date(), 1) }}) as ends_on from {{ ref('lifecycle_states') }}
),

periods as (
    select
        customer_key,
        min(valid_from) as known_since,
        sum({{ days_between('valid_from', 'ends_on') }}) as days_in_stages,
        min({{ days_between('valid_from', 'ends_on') }}) as shortest,
        count(*) filter (where valid_to is null) as open_periods
    from states
    group by customer_key
)

select people.customer_key, periods.days_in_stages, periods.open_periods
from {{ ref('dim_customers') }} as people
left join periods on people.customer_key = periods.customer_key
where
    periods.customer_key is null
    or periods.open_periods <> 1
    or periods.shortest < 1
    or periods.known_since > people.known_since
    or periods.days_in_stages <> {{ days_between('periods.known_since', as_of_date()) }} + 1
