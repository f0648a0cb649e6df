-- How people were reached, and how they came. A message that nobody opened touched nobody; letters, text messages and
-- calls cannot tell, so each that arrived counts. Tickets, points and surveys follow a sale: they bring nobody.

{%- set other_names = {
    'cpc': 'search', 'ppc': 'search', 'sem': 'search', 'paid_search': 'search', 'paidsearch': 'search',
    'paid_social': 'social', 'paidsocial': 'social', 'social_paid': 'social', 'e-mail': 'email', 'newsletter': 'email',
    'banner': 'display', 'cpm': 'display', 'affiliates': 'affiliate', 'none': 'direct', '(none)': 'direct',
    '(not set)': 'direct',
} %}

with sessions as (
    select *, lower(coalesce(utm_medium, utm_source)) as told_medium from {{ ref('fct_web_sessions') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

contacts as (
    select * from {{ ref('fct_campaign_contacts') }}
),

referrals as (
    select * from {{ ref('fct_referrals') }}
),

campaign_names as (
    select lower(campaign_name) as campaign, medium from {{ ref('fct_ad_spend') }}
    union all
    select lower(campaign_name) as campaign, medium from {{ ref('dim_campaigns') }}
    union all
    select lower(campaign_id) as campaign, medium from {{ ref('dim_campaigns') }}
),

-- A name that two media use tells neither.
campaign_media as (
    select campaign, min(medium) as medium
    from campaign_names
    where campaign is not null
    group by campaign
    having min(medium) = max(medium)
),

visits as (
    select
        -- An order tells best whose visit it was placed in.
        coalesce(orders.customer_key, sessions.customer_key) as customer_key,
        sessions.started_at as occurred_at,
        coalesce(
            campaign_media.medium,
            case sessions.told_medium
                {%- for name, medium in other_names.items() %}
                when '{{ name }}' then '{{ medium }}'
                {%- endfor %}
            end,
            sessions.told_medium,
            'direct'
        ) as medium,
        sessions.cart_additions + sessions.checkouts + sessions.purchases > 0 or sessions.order_key is not null
            as has_cart
    from sessions
    left join orders on sessions.order_key = orders.order_key
    left join campaign_media on lower(sessions.utm_campaign) = campaign_media.campaign
),

reached as (
    select
        customer_key,
        case
            when contact_channel in ('email', 'push') then coalesce(opened_at, clicked_at)
            when bounced_at is null then coalesce(delivered_at, sent_at)
        end as occurred_at,
        coalesce(contact_channel, 'other') as medium
    from contacts
),

occurrences as (
    select customer_key, occurred_at, medium, 'visit' as kind, has_cart from visits
    union all
    select customer_key, occurred_at, medium, 'campaign' as kind, false as has_cart from reached
    union all
    select
        referred_customer_key as customer_key,
        invited_at as occurred_at,
        'referral' as medium,
        'invitation' as kind,
        false as has_cart
    from referrals
),

-- A day over one medium is one touch: opening a mail, and the visit by its link, do not count twice.
touches as (
    select
        customer_key,
        medium,
        {{ local_date('occurred_at') }} as occurred_on,
        min(occurred_at) as occurred_at,
        min_by(kind, cast(occurred_at as string) || kind) as kind,
        min(occurred_at) filter (where kind = 'visit') as visited_at,
        min(occurred_at) filter (where has_cart) as carted_at
    from occurrences
    where customer_key is not null and occurred_at is not null
    group by customer_key, medium, {{ local_date('occurred_at') }}
),

-- Touches and orders of a person in one line: the first order at or after a touch is the next one below it.
timeline as (
    select
        *,
        cast(null as date) as ordered_on
    from touches
    union all
    select
        customer_key,
        cast(null as string) as medium,
        cast(null as date) as occurred_on,
        ordered_at as occurred_at,
        cast(null as string) as kind,
        cast(null as timestamp) as visited_at,
        cast(null as timestamp) as carted_at,
        ordered_on
    from orders
    where is_counted and customer_key is not null
),

with_next_order as (
    select
        *,
        first_value(ordered_on ignore nulls) over (
            partition by customer_key
            order by occurred_at asc nulls last, ordered_on asc nulls first
            rows between current row and unbounded following
        ) as next_order_on
    from timeline
)

select
    customer_key,
    medium,
    occurred_on,
    occurred_at,
    kind,
    visited_at,
    carted_at,
    case
        when next_order_on <= {{ add_days('occurred_on', var('attribution_days')) }} then next_order_on
    end as next_order_on
from with_next_order
where medium is not null
