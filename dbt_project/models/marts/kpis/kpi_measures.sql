-- Generated from the list of KPIs and the models of their measures by `make generated`; not edited by hand.
{%- set areas = {
    'kpi_churn_measures': [
        'customers_so_far', 'lapsed_customers', 'newly_lapsed_customers', 'current_customers_before'
    ],
    'kpi_cost_measures': [
        'marketing_cost', 'acquisition_cost', 'retention_cost', 'profit_contribution'
    ],
    'kpi_customer_measures': [
        'active_customers', 'new_customers', 'returning_customers', 'retained_customers',
        'active_customers_before'
    ],
    'kpi_email_measures': [
        'emails_delivered', 'emails_opened', 'emails_clicked', 'emails_unsubscribed'
    ],
    'kpi_experiment_measures': [
        'campaign_return', 'measured_campaign_cost'
    ],
    'kpi_interaction_measures': [
        'interactions', 'interacting_customers'
    ],
    'kpi_lifetime_measures': [
        'valued_customers', 'lifetime_value'
    ],
    'kpi_order_measures': [
        'orders', 'orders_of_customers', 'orders_with_units', 'units', 'revenue', 'gross_margin',
        'discount_amount', 'undiscounted_revenue', 'returned_amount', 'gross_revenue', 'counted_revenue',
        'known_revenue'
    ],
    'kpi_referral_measures': [
        'invitations', 'accepted_invitations', 'referred_new_customers'
    ],
    'kpi_service_measures': [
        'tickets', 'answered_tickets', 'hours_to_first_response', 'once_resolved_tickets',
        'reopened_tickets', 'resolved_tickets', 'dated_resolutions', 'hours_to_resolution', 'rated_tickets',
        'satisfied_tickets', 'service_cost'
    ],
    'kpi_survey_measures': [
        'csat_answers', 'satisfied_answers', 'nps_answers', 'promoters', 'nps_points', 'ces_answers',
        'effort_points'
    ],
    'kpi_web_measures': [
        'visits', 'visits_with_purchase', 'minutes_on_site', 'hours_on_site'
    ]
} -%}

{%- for model, measures in areas.items() %}
{%- set last_area = loop.last %}
{%- for measure in measures %}
select month, dimension, dimension_value, '{{ measure }}' as measure, cast({{ measure }} as double) as value
from {{ ref(model) }}
where {{ measure }} is not null
{{ "union all" if not (last_area and loop.last) }}
{%- endfor %}
{%- endfor %}
