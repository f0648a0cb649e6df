with scored as (
    select * from {{ source('scoring', 'target_groups') }} where as_of_date = {{ as_of_date() }}
),

people as (
    select customer_key, coalesce(persona, rfm_segment, 'no_recent_order') as target_group
    from {{ ref('customer_360') }}
),

contacts as (
    select * from {{ ref('fct_campaign_contacts') }} where sent_on > {{ add_months(as_of_date(), -12) }}
),

-- What the contacts of the last 12 months cost and met with: they are the same people, wherever they were then.
responses as (
    select
        people.target_group,
        count(*) as contacts_12m,
        sum(contacts.cost) as contact_cost_12m,
        count(contacts.clicked_at) as clicks_12m
    from contacts
    inner join people on contacts.customer_key = people.customer_key
    group by people.target_group
)

select
    scored.target_group,
    scored.as_of_date,
    scored.people,
    {{ to_money('scored.margin_12m') }} as margin_12m,
    {{ to_money('scored.clv_predicted') }} as clv_predicted,
    scored.people_potential,
    {{ to_money('scored.potential_cost') }} as potential_cost,
    {{ to_money('scored.potential_value') }} as potential_value,
    {{ to_price('scored.extra_margin_per_contact') }} as extra_margin_per_contact,
    responses.contacts_12m,
    {{ ratio('responses.clicks_12m', 'responses.contacts_12m') }} as click_rate_12m,
    {{ to_money('responses.contact_cost_12m') }} as contact_cost_12m,
    scored.people_planned,
    {{ to_money('scored.planned_cost') }} as planned_cost,
    {{ to_money('scored.planned_value') }} as planned_value,
    {{ ratio('scored.planned_value', 'scored.planned_cost') }} as value_per_cost,
    scored.budget_share
from scored
left join responses on scored.target_group = responses.target_group
