with payments as (
    select * from {{ ref('stg_payments') }}
),

orders as (
    select order_key, customer_key from {{ ref('fct_orders') }}
)

select
    payments.payment_key,
    payments.system,
    payments.payment_id,
    payments.order_id,
    payments.order_key,
    orders.customer_key,
    payments.method,
    payments.kind,
    payments.status,
    payments.instalments,
    payments.currency,
    payments.paid_at,
    payments.paid_on,
    payments.paid_amount,
    payments.repaid_amount,
    payments.repaid_at,
    {{ local_date('payments.repaid_at') }} as repaid_on,
    payments.net_amount
from payments
left join orders on payments.order_key = orders.order_key
