with returns as (
    select
        *,
        lag(ordered_on) over (partition by customer_key order by ordered_on nulls last) as left_on
    from {{ ref('purchase_rhythms') }}
    qualify is_return
),

contacts as (
    select * from {{ ref('fct_campaign_contacts') }} where sent_on is not null
),

campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

days as (
    select * from {{ ref('customer_days') }}
),

states as (
    select * from {{ ref('lifecycle_states') }} where valid_to is null
),

-- The last contact before the return tells what brought the person back, if anything did.
last_contacts as (
    select
        returns.customer_key,
        returns.ordered_on,
        contacts.contact_channel,
        campaigns.objective
    from returns
    inner join contacts
        on
            returns.customer_key = contacts.customer_key
            and returns.ordered_on >= contacts.sent_on
            and contacts.sent_on > {{ add_days('returns.ordered_on', -(var('response_days') | int)) }}
    left join campaigns on contacts.campaign_key = campaigns.campaign_key
    qualify
        row_number() over (
            partition by returns.customer_key, returns.ordered_on
            order by contacts.sent_at desc, contacts.contact_key asc nulls last
        ) = 1
),

begun as (
    select min(sent_on) as first_sent_on from contacts
),

since as (
    select
        returns.customer_key,
        returns.ordered_on,
        sum(days.revenue) as revenue,
        sum(days.margin) as margin
    from returns
    inner join days
        on
            returns.customer_key = days.customer_key
            and returns.ordered_on <= days.day
            and days.day < {{ add_months('returns.ordered_on', 12) }}
    group by returns.customer_key, returns.ordered_on
)

select
    {{ month_of('returns.ordered_on') }} as month,
    case
        when last_contacts.customer_key is not null then coalesce(last_contacts.contact_channel, 'unknown')
        when returns.ordered_on >= begun.first_sent_on then 'none'
    end as contact_channel,
    case
        when last_contacts.customer_key is not null then coalesce(last_contacts.objective, 'unknown')
        when returns.ordered_on >= begun.first_sent_on then 'none'
    end as campaign_objective,
    count(distinct returns.customer_key) as people,
    percentile_cont(0.5) within group (order by {{ days_between('returns.left_on', 'returns.ordered_on') }} asc)
        as median_days_away,
    cast(sum(since.revenue) as decimal(18, 2)) as revenue_since,
    cast(sum(since.margin) as decimal(18, 2)) as margin_since,
    count(distinct case when states.stage not in ('decline', 'churned') then returns.customer_key end) as still_active
from returns
cross join begun
left join last_contacts
    on returns.customer_key = last_contacts.customer_key and returns.ordered_on = last_contacts.ordered_on
inner join since on returns.customer_key = since.customer_key and returns.ordered_on = since.ordered_on
inner join states on returns.customer_key = states.customer_key
group by all
