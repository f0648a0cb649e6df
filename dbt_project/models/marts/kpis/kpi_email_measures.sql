with segments as (
    {{ rfm_segments() }}
),

-- Only e-mail tells of openings and clicks. Systems that do not tell of arrivals tell of what came back.
emails as (
    select
        contacts.*,
        {{ month_of('contacts.sent_on') }} as month,
        {{ segment_of('contacts.customer_key', 'segments.rfm_segment') }} as segment
    from {{ ref('fct_campaign_contacts') }} as contacts
    left join segments on contacts.customer_key = segments.customer_key
    where contacts.contact_channel = 'email' and contacts.sent_on is not null and contacts.bounced_at is null
)

select
    month,
    {{ dimension_columns(['segment']) }},
    count(*) as emails_delivered,
    count(opened_at) as emails_opened,
    count(clicked_at) as emails_clicked,
    count(unsubscribed_at) as emails_unsubscribed
from emails
group by {{ each_dimension(['segment']) }}
