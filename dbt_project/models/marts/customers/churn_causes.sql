{#- The causes of each group, with what has to have begun before a month so that a cause says anything of it. #}
{%- set groups = {
    'service': {'slow_answer': 'tickets', 'late_resolution': 'tickets', 'low_satisfaction': 'tickets'},
    'pricing': {'higher_price': 'lines', 'smaller_discount': 'discounts'},
    'inactivity': {'less_engagement': 'engagement'},
    'fatigue': {'many_contacts': 'contacts', 'unsubscribed': 'contacts'},
} %}
{%- set causes = [] %}
{%- for names in groups.values() %}{% set _ = causes.extend(names) %}{% endfor %}

with moments as (
    select * from {{ ref('churn_moments') }}
),

days as (
    select * from {{ ref('customer_days') }}
),

visits_and_contacts as (
    select min(started_on) as day from {{ ref('fct_web_sessions') }}
    union all
    select min(sent_on) as day from {{ ref('fct_campaign_contacts') }}
),

channels as (
    select
        (select min(opened_on) from {{ ref('fct_support_tickets') }}) as tickets_since,
        (select min(ordered_on) from {{ ref('fct_order_lines') }}) as lines_since,
        (select min(day) from days where discount_amount > 0) as discounts_since,
        (select min(day) from visits_and_contacts) as engagement_since,
        (select min(sent_on) from {{ ref('fct_campaign_contacts') }}) as contacts_since
),

-- Many contacts are more than nine in ten of all people had who are compared.
usual as (
    select month, percentile_cont(0.9) within group (order by contacts asc) as usual_contacts
    from moments
    group by month
),

lost as (
    select moments.customer_key, moments.month, sum(days.margin) as margin
    from moments
    inner join days
        on
            moments.customer_key = days.customer_key
            and moments.ordered_on >= days.day
            and days.day > {{ add_months('moments.ordered_on', -12) }}
    where moments.has_churned
    group by moments.customer_key, moments.month
),

flags as (
    select
        moments.month,
        moments.has_churned,
        coalesce(lost.margin, 0) as margin,
        case when moments.contacts > usual.usual_contacts then 1 else 0 end as many_contacts,
        moments.slow_answer,
        moments.late_resolution,
        moments.low_satisfaction,
        moments.higher_price,
        moments.smaller_discount,
        moments.less_engagement,
        moments.unsubscribed
    from moments
    inner join usual on moments.month = usual.month
    left join lost on moments.customer_key = lost.customer_key and moments.month = lost.month
),

grouped as (
    select
        *,
        {%- for group, names in groups.items() %}
        case when {{ names | join(' + ') }} > 0 then 1 else 0 end as any_{{ group }},
        {%- endfor %}
        case when {{ causes | join(' + ') }} = 0 then 1 else 0 end as any_none
    from flags
),

months as (
    select
        month,
        {%- for name in causes + ['any_service', 'any_pricing', 'any_inactivity', 'any_fatigue', 'any_none'] %}
        sum({{ name }}) filter (where has_churned) as churned_{{ name }},
        sum({{ name }}) filter (where not has_churned) as stayed_{{ name }},
        sum(margin) filter (where {{ name }} = 1) as lost_{{ name }},
        {%- endfor %}
        count(*) filter (where has_churned) as churned,
        count(*) filter (where not has_churned) as stayed
    from grouped
    group by month
),

compared as (
    {%- for group, names in groups.items() %}
    {%- set any = {'any_' ~ group: names.values() | first} %}
    {%- for name, channel in (names.items() | list) + (any.items() | list) %}
    select
        months.month,
        '{{ group }}' as cause_group,
        '{{ name if name in names else "any" }}' as cause,
        months.churned,
        months.churned_{{ name }} as churned_with_cause,
        months.stayed,
        months.stayed_{{ name }} as stayed_with_cause,
        months.lost_{{ name }} as lost_margin
    from months
    inner join channels on months.month > channels.{{ channel }}_since
    union all
    {%- endfor %}
    {%- endfor %}
    select
        month,
        'none' as cause_group,
        'none' as cause,
        churned,
        churned_any_none as churned_with_cause,
        stayed,
        stayed_any_none as stayed_with_cause,
        lost_any_none as lost_margin
    from months
)

select
    month,
    cause_group,
    cause,
    churned,
    cast(coalesce(churned_with_cause, 0) as bigint) as churned_with_cause,
    {{ ratio('churned_with_cause', 'churned') }} as churned_share,
    stayed,
    cast(coalesce(stayed_with_cause, 0) as bigint) as stayed_with_cause,
    {{ ratio('stayed_with_cause', 'stayed') }} as stayed_share,
    {{ ratio(ratio('churned_with_cause', 'churned'), ratio('stayed_with_cause', 'stayed')) }} as lift,
    cast(coalesce(lost_margin, 0) as decimal(18, 2)) as lost_margin
from compared
