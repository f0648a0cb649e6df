-- How each person answered to campaigns by each as-of date. Opening and clicking can be seen of e-mails and pushes
-- alone, so that the rates are of these, and of what was sent by campaigns of which no medium is known.

with contacts as (
    select
        customer_key,
        sent_on,
        {%- for event in ['opened', 'clicked', 'unsubscribed'] %}
        {{ local_date(event ~ '_at') }} as {{ event }}_on,
        {%- endfor %}
        coalesce(contact_channel, 'email') in ('email', 'push') as is_tracked
    from {{ ref('fct_campaign_contacts') }}
    where customer_key is not null and sent_on is not null
),

dates as (
    select * from {{ ref('as_of_dates') }}
),

summed as (
    select
        contacts.customer_key,
        dates.as_of_date,
        max(contacts.sent_on) as last_contact_on,
        count(*) filter (where contacts.sent_on > dates.days_90_before) as contacts_90d,
        count(*) filter (where contacts.sent_on > dates.months_12_before and contacts.is_tracked) as tracked_12m,
        {%- for event in ['opened', 'clicked'] %}
        {%- set happened_on = 'contacts.' ~ event ~ '_on' %}
        count(*) filter (
            where {{ happened_on }} > dates.days_90_before and {{ happened_on }} <= dates.as_of_date
        ) as {{ event }}_90d,
        count(*) filter (
            where {{ happened_on }} <= dates.as_of_date
            and contacts.sent_on > dates.months_12_before and contacts.is_tracked
        ) as {{ event }}_12m,
        {%- endfor %}
        count(*) filter (where contacts.unsubscribed_on <= dates.as_of_date) > 0 as unsubscribed
    from contacts
    inner join dates on contacts.sent_on <= dates.as_of_date
    group by contacts.customer_key, dates.as_of_date
)

select
    customer_key,
    as_of_date,
    {{ days_between('last_contact_on', 'as_of_date') }} as days_since_contact,
    contacts_90d,
    opened_90d as opens_90d,
    clicked_90d as clicks_90d,
    {{ ratio('opened_12m', 'tracked_12m') }} as open_rate_12m,
    {{ ratio('clicked_12m', 'tracked_12m') }} as click_rate_12m,
    unsubscribed
from summed
