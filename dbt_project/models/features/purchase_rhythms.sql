-- How long a silence is usual after each day with an order, and whether more is bought than before. Only what was known
-- on that day counts: the person's own gaps, or those of the whole shop up to that day while the person has had fewer
-- than two. Sums are of whole days and cents, so that a limit never hangs on the order of a sum.

with order_days as (
    select
        customer_key,
        day,
        cast(gap_days as bigint) as gap,
        cast(round(counted_revenue * 100) as bigint) as spend
    from {{ ref('customer_days') }}
    where has_order
),

-- A square of cents may be too long for a BIGINT.
days as (
    select
        *,
        gap * gap as gap_square,
        cast(spend as decimal(19, 0)) * cast(spend as decimal(19, 0)) as spend_square
    from order_days
),

persons as (
    select
        customer_key,
        day,
        gap,
        {%- for measure in ['gap', 'spend'] %}
        count({{ measure }}) over so_far as {{ measure }}s,
        sum({{ measure }}) over so_far as {{ measure }}_sum,
        sum({{ measure }}_square) over so_far as {{ measure }}_squares,
        {{ mean(measure, over='last_three') }} as {{ measure }}_lately,
        {%- endfor %}
        lead(day) over person as next_day,
        row_number() over person as order_days
    from days
    window
        person as (partition by customer_key order by day nulls last),
        so_far as (partition by customer_key order by day nulls last rows between unbounded preceding and current row),
        last_three as (partition by customer_key order by day nulls last rows between 2 preceding and current row)
),

shop_days as (
    select
        day,
        count(gap) as gaps,
        coalesce(sum(gap), 0) as gap_sum,
        coalesce(sum(gap_square), 0) as gap_squares
    from days
    group by day
),

shop as (
    select
        day,
        sum(gaps) over so_far as gaps,
        sum(gap_sum) over so_far as gap_sum,
        sum(gap_squares) over so_far as gap_squares
    from shop_days
    window so_far as (order by day nulls last rows between unbounded preceding and current row)
),

shop_gaps as (
    select
        day,
        {{ ratio('gap_sum', 'gaps') }} as mean_gap,
        {{ deviation('gaps', 'gap_sum', 'gap_squares') }} as gap_deviation
    from shop
),

own as (
    select
        *,
        {{ ratio('gap_sum', 'gaps') }} as mean_gap,
        {{ deviation('gaps', 'gap_sum', 'gap_squares') }} as gap_deviation,
        {{ ratio('spend_sum', 'spends') }} as mean_spend,
        {{ deviation('spends', 'spend_sum', 'spend_squares') }} as spend_deviation
    from persons
),

judged as (
    select
        own.*,
        case when own.order_days >= 3 then own.mean_gap else shop_gaps.mean_gap end as usual_gap,
        case when own.order_days >= 3 then own.gap_deviation else shop_gaps.gap_deviation end as usual_deviation
    from own
    inner join shop_gaps on own.day = shop_gaps.day
),

-- Where not even the shop has had two gaps, the churn horizon stands for what is usual.
limits as (
    select
        *,
        coalesce(
            cast(floor(round(usual_gap + usual_deviation, 6)) as integer), {{ var('churn_horizon_days') }}
        ) as usual_days,
        greatest(
            coalesce(cast(floor(round(usual_gap + 2 * usual_deviation, 6)) as integer), 0),
            {{ var('churn_horizon_days') }}
        ) as lapse_days
    from judged
),

-- Rising: the second order, and later a mean of the last three that is better than that of all by more than its
-- standard error, which is what chance alone brings.
compared as (
    select
        *,
        order_days = 2
        or coalesce(round(mean_gap - gap_lately - {{ ratio('gap_deviation', 'sqrt(3.0)') }}, 6) > 0, false)
        or coalesce(round(spend_lately - mean_spend - {{ ratio('spend_deviation', 'sqrt(3.0)') }}, 6) > 0, false)
            as is_rising,
        -- Who orders on the very day on which they would have churned never was churned.
        coalesce(
            gap > lag(lapse_days) over (partition by customer_key order by day nulls last) + 1, false
        ) as is_return
    from limits
)

select
    customer_key,
    day as ordered_on,
    next_day as next_ordered_on,
    order_days,
    usual_days,
    lapse_days,
    {{ add_days('day', 'lapse_days + 1') }} as churns_on,
    is_rising,
    is_return,
    max(case when is_return then {{ add_days('day', 'usual_days') }} end) over (
        partition by customer_key order by day nulls last rows between unbounded preceding and current row
    ) as returned_until
from compared
