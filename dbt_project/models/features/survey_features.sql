-- What each person last answered to each kind of survey by each as-of date. Answers off their scale count in no figure,
-- nor do answers to the recommendation question on another scale than 0-10, which have no agreed translation.

with responses as (
    select * from {{ ref('fct_survey_responses') }}
    where customer_key is not null and is_in_scale and (kind <> 'nps' or nps_group is not null)
),

dates as (
    select as_of_date from {{ ref('as_of_dates') }}
),

-- Other scales differ from source to source: where an answer lies between their ends is comparable.
measured as (
    select
        *,
        case when kind = 'nps' then cast(score as double) else score_share end as measure,
        row_number() over answers_so_far as answer_number
    from responses
    window answers_so_far as (partition by customer_key, kind order by answered_at nulls last, response_key nulls last)
),

changes as (
    select
        *,
        measure - lag(measure) over (partition by customer_key, kind order by answer_number nulls last) as change
    from measured
),

summed as (
    select
        changes.customer_key,
        dates.as_of_date,
        max(changes.answered_on) as last_answer_on,
        {%- for kind in ['nps', 'csat', 'ces'] %}
        max_by(changes.measure, changes.answer_number) filter (where changes.kind = '{{ kind }}') as last_{{ kind }},
        {%- endfor %}
        max_by(changes.change, changes.answer_number) filter (where changes.kind = 'nps') as nps_change
    from changes
    inner join dates on changes.answered_on <= dates.as_of_date
    group by changes.customer_key, dates.as_of_date
)

select
    customer_key,
    as_of_date,
    last_nps,
    last_csat,
    last_ces,
    nps_change,
    {{ days_between('last_answer_on', 'as_of_date') }} as days_since_survey
from summed
