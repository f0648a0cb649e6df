with contacts as (
    select * from {{ ref('fct_campaign_contacts') }} where customer_key is not null and sent_on is not null
),

orders as (
    select * from {{ ref('fct_orders') }} where customer_key is not null
),

people as (
    select
        campaign_key,
        customer_key,
        min(sent_on) as contacted_on
    from contacts
    group by campaign_key, customer_key
),

answers as (
    select
        people.campaign_key,
        people.customer_key,
        people.contacted_on,
        count(orders.order_key) filter (where orders.is_counted) as orders,
        coalesce(sum(orders.revenue), 0) as revenue
    from people
    left join orders
        on
            people.customer_key = orders.customer_key
            and people.contacted_on <= orders.ordered_on
            and orders.ordered_on < {{ add_days('people.contacted_on', var('response_days')) }}
    group by people.campaign_key, people.customer_key, people.contacted_on
),

responses as (
    select
        campaign_key,
        min(contacted_on) as first_contacted_on,
        {{ add_days('max(contacted_on)', (var('response_days') | int) - 1) }} as responses_end_on,
        count(*) filter (where orders > 0) as responders,
        cast(sum(orders) as bigint) as orders,
        {{ to_money('sum(revenue)') }} as revenue
    from answers
    group by campaign_key
),

-- Of the days before the first order on record nobody knows who ordered.
recorded as (
    select min(ordered_on) as first_ordered_on from orders
),

-- An order redeems the coupon that came last, where several of one code did.
redeeming_orders as (
    select
        contacts.campaign_key,
        orders.customer_key,
        1 as redemptions
    from orders
    inner join contacts
        on
            orders.customer_key = contacts.customer_key
            and upper(orders.coupon_code) = upper(contacts.coupon_code)
            and orders.ordered_on >= contacts.sent_on
    where orders.is_counted
    qualify row_number() over (
        partition by orders.order_key order by contacts.sent_on desc, contacts.contact_key asc nulls last
    ) = 1
),

redeemed as (
    select * from redeeming_orders
    union all
    select campaign_key, customer_key, redemptions from contacts where redeemed_at is not null
),

redemptions as (
    select
        campaign_key,
        count(distinct customer_key) as redeemers,
        -- The number is known where it is known of each contact.
        case when count(*) = count(redemptions) then sum(redemptions) end as redemptions
    from redeemed
    group by campaign_key
),

-- A system of whose contacts none carried a coupon, and none was redeemed, tells nothing of coupons.
coupons as (
    select
        campaign_key,
        sum(count(coupon_code) + count(redeemed_at)) over (partition by system) > 0 as are_told
    from contacts
    group by campaign_key, system
)

select
    responses.campaign_key,
    responses.responses_end_on,
    responses.responses_end_on <= {{ as_of_date() }} as is_complete,
    {%- for figure in ['responders', 'orders', 'revenue'] %}
    case when responses.first_contacted_on >= recorded.first_ordered_on then responses.{{ figure }} end as {{ figure }},
    {%- endfor %}
    case when coupons.are_told then coalesce(redemptions.redeemers, 0) end as redeemers,
    case
        when redemptions.campaign_key is not null then cast(redemptions.redemptions as bigint)
        when coupons.are_told then 0
    end as redemptions
from responses
cross join recorded
inner join coupons on responses.campaign_key = coupons.campaign_key
left join redemptions on responses.campaign_key = redemptions.campaign_key
