{{ config(meta={'dagster': {'ref': {'name': 'service_quality'}}}) }}

-- Tickets, answers, mentions, texts and invitations add up to their facts, whatever they are cut by.
{% set answers = 'select count(*) from ' ~ ref('fct_survey_responses')
    ~ " where is_in_scale and (kind <> 'nps' or nps_group is not null)" %}
{% for subject, counted, facts in [
    ('tickets', 'select sum(tickets) from ' ~ ref('service_quality'),
     'select count(*) from ' ~ ref('fct_support_tickets')),
    ('open tickets',
     'select sum(open_at_month_end) from ' ~ ref('service_quality') ~ ' where month = ' ~ month_of(as_of_date()),
     'select count(*) from ' ~ ref('fct_support_tickets')
     ~ " where resolved_on is null and status in ('open', 'pending')"),
    ('answers', 'select sum(answers) from ' ~ ref('satisfaction') ~ " where dimension = 'all'", answers),
    ('answers by contact channel',
     'select sum(answers) from ' ~ ref('satisfaction') ~ " where dimension = 'contact_channel'", answers),
    ('answers by segment', 'select sum(answers) from ' ~ ref('satisfaction') ~ " where dimension = 'segment'", answers),
    ('mentions', 'select sum(mentions) from ' ~ ref('social_listening'),
     'select count(*) from ' ~ ref('fct_social_mentions')),
    ('texts', 'select sum(texts) from ' ~ ref('sentiment_by_source'),
     'select count(*) from ' ~ source('scoring', 'text_sentiment') ~ ' where as_of_date = ' ~ as_of_date()),
    ('invitations', 'select sum(invitations) from ' ~ ref('referral_summary'),
     'select count(*) from ' ~ ref('fct_referrals')),
] %}
select '{{ subject }}' as subject, ({{ counted }}) as counted, ({{ facts }}) as in_facts
where coalesce(({{ counted }}), 0) <> ({{ facts }})
{{ "union all" if not loop.last }}
{%- endfor %}
