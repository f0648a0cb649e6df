with scored as (
    select * from {{ source('scoring', 'segment_targets') }} where as_of_date = {{ as_of_date() }}
),

segments as (
    select customer_key, coalesce(persona, rfm_segment, 'none') as segment from {{ ref('customer_360') }}
),

contacts as (
    select * from {{ ref('fct_campaign_contacts') }} where sent_on > {{ add_months(as_of_date(), -12) }}
),

-- What the contacts of the last 12 months cost and met with: they are the same people, wherever they were then.
responses as (
    select
        segments.segment,
        count(*) as contacts_12m,
        sum(contacts.cost) as contact_cost_12m,
        count(contacts.clicked_at) as clicks_12m
    from contacts
    inner join segments on contacts.customer_key = segments.customer_key
    group by segments.segment
)

select
    scored.segment,
    scored.as_of_date,
    scored.people,
    scored.margin_12m,
    scored.clv_predicted,
    scored.people_potential,
    scored.potential_cost,
    scored.potential_value,
    scored.extra_margin_per_contact,
    responses.contacts_12m,
    {{ ratio('responses.clicks_12m', 'responses.contacts_12m') }} as click_rate_12m,
    {{ to_money('responses.contact_cost_12m') }} as contact_cost_12m,
    scored.people_planned,
    scored.planned_cost,
    scored.planned_value,
    {{ ratio('scored.planned_value', 'scored.planned_cost') }} as value_per_cost,
    scored.budget_share
from scored
left join responses on scored.segment = responses.segment
