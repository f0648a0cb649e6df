-- How payments were made, month by month. What was given back counts in the month in which it was.

with payments as (
    select *, coalesce(method, 'unknown') as known_method from {{ ref('fct_payments') }}
),

came_in as (
    select
        {{ month_of('paid_on') }} as month,
        known_method as method,
        count(*) filter (where paid_amount > 0) as payments,
        count(distinct case when paid_amount > 0 then system || '|' || order_id end) as orders,
        sum(paid_amount) as paid_amount,
        0 as repaid_amount,
        count(*) filter (where status = 'failed') as failed_payments,
        count(*) filter (where status = 'pending') as pending_payments,
        count(instalments) filter (where paid_amount > 0) as with_instalments,
        sum(instalments) filter (where paid_amount > 0) as instalments,
        count(*) filter (where paid_amount > 0 and instalments > 1) as in_instalments
    from payments
    group by {{ month_of('paid_on') }}, known_method
),

given_back as (
    select
        {{ month_of('repaid_on') }} as month,
        known_method as method,
        sum(repaid_amount) as repaid_amount
    from payments
    where repaid_amount > 0
    group by {{ month_of('repaid_on') }}, known_method
),

months as (
    select
        coalesce(came_in.month, given_back.month) as month,
        coalesce(came_in.method, given_back.method) as method,
        coalesce(came_in.payments, 0) as payments,
        coalesce(came_in.orders, 0) as orders,
        coalesce(came_in.paid_amount, 0) as paid_amount,
        coalesce(given_back.repaid_amount, 0) as repaid_amount,
        coalesce(came_in.failed_payments, 0) as failed_payments,
        coalesce(came_in.pending_payments, 0) as pending_payments,
        came_in.with_instalments,
        came_in.instalments,
        came_in.in_instalments
    from came_in
    full outer join given_back on came_in.month = given_back.month and came_in.method = given_back.method
)

select
    month,
    method,
    payments,
    orders,
    cast(paid_amount as decimal(18, 2)) as paid_amount,
    {{ ratio('paid_amount', 'sum(paid_amount) over (partition by month)') }} as paid_share,
    cast(repaid_amount as decimal(18, 2)) as repaid_amount,
    failed_payments,
    pending_payments,
    {{ ratio('instalments', 'with_instalments') }} as mean_instalments,
    {{ ratio('in_instalments', 'with_instalments') }} as instalment_share
from months
