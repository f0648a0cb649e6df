{# What was known about people at the end of as-of dates. Counts are 0 where the channel is there and the person has
   none, and empty where the channel is not there. All groups are narrowed before they are joined: the whole grid of a
   large company is more than fits in memory.
   whose: condition on customer_key; when: condition on as_of_date. #}
{% macro feature_rows(whose='true', when='true') -%}
{%- set groups = channels() | selectattr('features') | map(attribute='features') | list %}
{%- set windows = ['orders_24m', 'orders_12m', 'orders_90d', 'orders_prev_90d', 'revenue_24m', 'revenue_12m',
                   'revenue_90d', 'revenue_prev_90d', 'margin_12m'] %}
{%- set shares = ['avg_order_value', 'mean_gap_days', 'sd_gap_days', 'return_share', 'discount_share',
                  'units_per_order', 'share_store', 'share_web', 'share_app', 'share_marketplace', 'coupon_share',
                  'weekend_share'] %}
{%- set demographics = ['age_band', 'gender', 'income_band', 'household_size', 'country', 'acquisition_medium'] %}

with customers as (
    select * from {{ ref('dim_customers') }} where {{ whose }}
),

dates as (
    select * from {{ ref('as_of_dates') }} where {{ when }}
),

purchases as (
    select * from {{ ref('purchase_states') }} where {{ whose }}
),

{%- set models = {'windows': 'purchase_windows', 'baskets': 'basket_features'} %}
{%- for one in groups %}{% do models.update({one.group: one.model}) %}{% endfor %}
{%- for name, model in models.items() %}
{{ name }} as (
    select * from {{ ref(model) }} where {{ whose }} and {{ when }}
),

{% endfor -%}
people as (
    select
        customers.*,
        customers.has_profile and coalesce(customers.profile_since <= dates.as_of_date, true) as has_profile_by_then,
        customers.consent_email
        and coalesce(coalesce(customers.consent_on, customers.profile_since) <= dates.as_of_date, true)
            as consented_by_then,
        dates.*
    from customers
    inner join dates on customers.known_since is null or customers.known_since <= dates.as_of_date
)

select
    people.customer_key,
    people.as_of_date,
    {{ days_between('people.known_since', 'people.as_of_date') }} as tenure_days,
    purchases.first_order_on,
    purchases.last_order_on,
    {{ days_between('purchases.first_order_on', 'purchases.last_order_on') }} as t_x_days,
    {{ days_between('purchases.first_order_on', 'people.as_of_date') }} as age_days,
    {{ days_between('purchases.last_order_on', 'people.as_of_date') }} as recency_days,
    coalesce(purchases.orders_lifetime, 0) as orders_lifetime,
    coalesce(purchases.order_days, 0) as order_days,
    coalesce(purchases.revenue_lifetime, 0) as revenue_lifetime,
    coalesce(purchases.margin_lifetime, 0) as margin_lifetime,
    {%- for amount in windows %}
    coalesce(windows.{{ amount }}, 0) as {{ amount }},
    {%- endfor %}
    {%- for measure in ['orders', 'revenue'] %}
    case
        when windows.{{ measure }}_prev_90d > 0
            then {{ ratio('windows.' ~ measure ~ '_90d', 'windows.' ~ measure ~ '_prev_90d') }}
    end as {{ measure }}_trend,
    {%- endfor %}
    {%- for share in shares %}
    purchases.{{ share }},
    {%- endfor %}
    case when people.has_categories then coalesce(baskets.categories_12m, 0) end as categories_12m,
    baskets.top_category,
    baskets.top_category_share,
    {%- for one in groups %}
    people.has_{{ one.group }},
    {%- for count in one.counts %}
    case when people.has_{{ one.group }} then coalesce({{ one.group }}.{{ count }}, 0) end as {{ count }},
    {%- endfor %}
    {%- for value in one['values'] %}
    {{ one.group }}.{{ value }},
    {%- endfor %}
    {%- endfor %}
    {%- for one in groups %}
    {%- for flag in one.flags %}
    case when people.has_{{ one.group }} then coalesce({{ one.group }}.{{ flag }}, false) end as {{ flag }},
    {%- endfor %}
    {%- endfor %}
    {%- for attribute in demographics %}
    case when people.has_profile_by_then then people.{{ attribute }} end as {{ attribute }},
    {%- endfor %}
    people.has_profile_by_then as has_profile,
    people.consented_by_then as consent_email
from people
left join purchases
    on
        people.customer_key = purchases.customer_key
        and people.as_of_date >= purchases.valid_from
        and (purchases.valid_to is null or people.as_of_date < purchases.valid_to)
{%- for name in models %}
left join {{ name }} on people.customer_key = {{ name }}.customer_key and people.as_of_date = {{ name }}.as_of_date
{%- endfor %}
{%- endmacro %}

{# Where people buy, as the contract of orders allows it. #}
{% macro sales_channels() -%}
    {{ return(['store', 'web', 'app', 'marketplace']) }}
{%- endmacro %}
