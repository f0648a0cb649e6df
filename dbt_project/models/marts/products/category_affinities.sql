-- Which categories go together, in one basket or with one person, in the 24 months up to the as-of date: all pairs,
-- also those that avoid each other. Which of them chance alone would not give is told by basket_rules.

with lines as (
    select * from {{ ref('fct_order_lines') }}
),

products as (
    select product_key, category from {{ ref('dim_products') }} where category is not null
),

sold as (
    select
        lines.order_key,
        products.category,
        min(lines.customer_key) as customer_key
    from lines
    inner join products on lines.product_key = products.product_key
    where
        lines.kind = 'sale'
        and lines.status = 'completed'
        and lines.ordered_on > {{ add_months(as_of_date(), -24) }}
    group by lines.order_key, products.category
),

items as (
    select 'basket' as scope, order_key as holder, category from sold
    union all
    select distinct 'person' as scope, customer_key as holder, category from sold where customer_key is not null
),

singles as (
    select scope, category, count(*) as holders from items group by scope, category
),

totals as (
    select scope, count(*) as holders from (select distinct scope, holder from items) as holders group by scope
),

pairs as (
    select
        ones.scope,
        ones.category,
        others.category as other_category,
        count(*) as holders
    from items as ones
    inner join items as others
        on ones.scope = others.scope and ones.holder = others.holder and ones.category <> others.category
    group by ones.scope, ones.category, others.category
)

select
    pairs.scope,
    pairs.category,
    pairs.other_category,
    pairs.holders as with_both,
    ones.holders as with_category,
    others.holders as with_other_category,
    totals.holders as all_holders,
    {{ ratio('pairs.holders', 'totals.holders') }} as support,
    {{ ratio('pairs.holders', 'ones.holders') }} as confidence,
    ({{ ratio('pairs.holders', 'ones.holders') }}) / ({{ ratio('others.holders', 'totals.holders') }}) as lift
from pairs
inner join singles as ones on pairs.scope = ones.scope and pairs.category = ones.category
inner join singles as others on pairs.scope = others.scope and pairs.other_category = others.category
inner join totals on pairs.scope = totals.scope
