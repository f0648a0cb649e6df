-- The days that the scorecard and the semantic layer speak of.

with days as (
    select
        {{ each_day(month_of('(select min(ordered_on) from ' ~ ref('fct_orders') ~ ')'), as_of_date()) }} as date_day
)

select
    date_day,
    {{ month_of('date_day') }} as month,
    {{ month_end('date_day') }} <= {{ as_of_date() }} as is_complete
from days
