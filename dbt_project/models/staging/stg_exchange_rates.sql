-- A rate holds until the next one. Days are rows, so that amounts find theirs by a plain key: a search by period is a
-- hundred times slower.

with rates as (
    select * from {{ source('raw', 'exchange_rates') }}
    where rate_date <= {{ as_of_date() }} and currency <> '{{ var("currency") }}'
    qualify row_number() over (partition by currency, rate_date order by _delivery desc, _line desc) = 1
),

periods as (
    select
        currency,
        rate,
        rate_date as valid_from,
        lead(rate_date) over (partition by currency order by rate_date nulls last) as next_from
    from rates
)

select
    currency,
    {{ each_day('valid_from', 'coalesce(' ~ add_days('next_from', -1) ~ ', ' ~ as_of_date() ~ ')') }} as valid_on,
    rate,
    valid_from
from periods
