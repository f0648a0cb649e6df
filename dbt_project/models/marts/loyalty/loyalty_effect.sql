-- What new members of the loyalty programme did in their first 180 days, beside people who had bought as often before
-- and did not join. Not an experiment: who joins may like the shop better from the start, which no past purchase shows,
-- so that the difference is the most that the programme can claim.

with members as (
    select customer_key, min(occurred_on) as joined_on
    from {{ ref('fct_loyalty_events') }}
    where customer_key is not null
    group by customer_key
),

orders as (
    select * from {{ ref('fct_orders') }} where customer_key is not null
),

-- The last four quarters whose 180 days are over: people who joined in the 90 days up to `day` are members.
days as (
    {%- for number in range(4) %}
    select {{ add_days(as_of_date(), -180 - 90 * number) }} as day
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- Orders of the year before the quarter, of the quarter itself, in which members mostly join with an order, and after.
histories as (
    select
        orders.customer_key,
        days.day,
        count(*) filter (
            where orders.is_counted and orders.ordered_on <= {{ add_days('days.day', -90) }}
        ) as orders_before,
        count(*) filter (
            where orders.is_counted
            and orders.ordered_on > {{ add_days('days.day', -90) }} and orders.ordered_on <= days.day
        ) as orders_in_quarter,
        count(*) filter (where orders.is_counted and orders.ordered_on > days.day) as orders_after,
        coalesce(sum(orders.margin) filter (where orders.ordered_on > days.day), 0) as margin_after
    from orders
    inner join days
        on
            orders.ordered_on > {{ add_days('days.day', -455) }}
            and orders.ordered_on <= {{ add_days('days.day', 180) }}
    group by orders.customer_key, days.day
),

people as (
    select
        histories.day,
        case
            when histories.orders_before = 0 then '0'
            when histories.orders_before = 1 then '1'
            when histories.orders_before <= 3 then '2-3'
            when histories.orders_before <= 7 then '4-7'
            else '8+'
        end as orders_before,
        least(histories.orders_in_quarter, 3) as orders_in_quarter,
        case when members.joined_on > {{ add_days('histories.day', -90) }} then 'member' else 'other' end as side,
        histories.orders_after,
        case when histories.orders_after > 0 then 1 else 0 end as has_repurchased,
        histories.margin_after
    from histories
    left join members
        on histories.customer_key = members.customer_key and histories.day >= members.joined_on
    where
        histories.orders_before + histories.orders_in_quarter > 0
        and (members.joined_on is null or members.joined_on > {{ add_days('histories.day', -90) }})
),

strata as (
    select
        day,
        orders_before,
        orders_in_quarter,
    {%- for side in ['member', 'other'] %}
        count(*) filter (where side = '{{ side }}') as {{ side }}s,
        {%- for measure in ['has_repurchased', 'orders_after', 'margin_after'] %}
        cast({{ ratio(
            'sum(' ~ measure ~ ") filter (where side = '" ~ side ~ "')", "count(*) filter (where side = '" ~ side ~ "')"
        ) }} as decimal(18, 9)) as {{ side }}_{{ measure }},
        {%- endfor %}
        cast(var_pop(margin_after) filter (where side = '{{ side }}') as decimal(28, 6)) as {{ side }}_margin_variance
        {{- "," if not loop.last }}
    {%- endfor %}
    from people
    group by day, orders_before, orders_in_quarter
),

compared as (
    select * from strata where members > 0 and others >= 5
),

bands as (
    select 'all' as orders_before_band, * from compared
    union all
    select orders_before as orders_before_band, * from compared
),

-- The others of a stratum count as much as its members do. A member may be alone in a stratum: the spread of members is
-- that of the whole band.
weighed as (
    select
        orders_before_band,
        sum(members) as members,
        sum(others) as others,
        {%- for measure in ['has_repurchased', 'orders_after', 'margin_after'] %}
        {%- for side in ['member', 'other'] %}
        {{ ratio('sum(members * ' ~ side ~ '_' ~ measure ~ ')', 'sum(members)') }} as {{ side }}_{{ measure }},
        {%- endfor %}
        {%- endfor %}
        {{ ratio('sum(members * (member_margin_variance + power(member_margin_after, 2)))', 'sum(members)') }}
            as member_margin_square,
        {{ ratio(
            'sum(' ~ ratio('members * members * other_has_repurchased * (1 - other_has_repurchased)', 'others') ~ ')',
            'sum(members) * sum(members)'
        ) }} as other_repurchase_variance,
        {{ ratio(
            'sum(' ~ ratio('members * members * other_margin_variance', 'others') ~ ')', 'sum(members) * sum(members)'
        ) }} as other_margin_variance
    from bands
    group by orders_before_band
)

select
    orders_before_band as orders_before,
    cast(members as bigint) as members,
    cast(others as bigint) as others,
    member_has_repurchased as repurchase_rate,
    other_has_repurchased as repurchase_rate_of_others,
    member_has_repurchased - other_has_repurchased as repurchase_difference,
    1.96 * sqrt(
        {{ ratio('member_has_repurchased * (1 - member_has_repurchased)', 'members') }} + other_repurchase_variance
    ) as repurchase_margin_of_error,
    member_orders_after as orders_per_person,
    other_orders_after as orders_per_person_of_others,
    {{ to_money('member_margin_after') }} as margin_per_person,
    {{ to_money('other_margin_after') }} as margin_per_person_of_others,
    {{ to_money('member_margin_after - other_margin_after') }} as margin_difference,
    -- Rounding may leave less than nothing where all margins are equal.
    {{ to_money(
        '1.96 * sqrt('
        ~ ratio('greatest(member_margin_square - power(member_margin_after, 2), 0)', 'members')
        ~ ' + other_margin_variance)'
    ) }} as margin_margin_of_error
from weighed
