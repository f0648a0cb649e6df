"""What campaigns, advertising, journeys and referrals bring."""

from crm_pipeline.publish.report.draw import grid, intervals, lines, table
from crm_pipeline.publish.report.found import Part, Section

MARKETING = Section(
    "Marketing",
    (
        Part(
            "What campaigns changed",
            "Margin beside the control group, with its 95 % interval; one that holds 0 tells neither gain nor loss.",
            """
            select campaign_name, incremental_margin, incremental_margin_lower, incremental_margin_upper
            from marts.campaign_performance
            where incremental_margin is not null
            order by starts_on desc, campaign_name
            limit 20
            """,
            intervals("incremental margin"),
        ),
        Part(
            "The way to an order",
            "People who began in the last 12 complete months, and how many of them took each further step.",
            """
            select step, sum(people) as people,
                sum(people) / first_value(sum(people)) over (order by step_number) as "share of people"
            from marts.journey_funnel
            where is_complete
                and month > (select max(month) from marts.journey_funnel where is_complete) - interval 12 month
            group by step_number, step
            order by step_number
            """,
            table,
        ),
        Part(
            "Campaigns",
            "The newest ten. Return on investment is what the campaign changed, less its cost, over its cost.",
            """
            select
                campaign_name as campaign, medium, starts_on as "starts on", people_contacted as people, open_rate,
                click_rate, response_rate, cost, roi, coalesce(experiment_status, 'no control') as experiment
            from marts.campaign_performance
            order by starts_on desc, campaign_name
            limit 10
            """,
            table,
            wide=True,
        ),
        Part(
            "Who gets the credit",
            "Share of the margin that each method of attribution gives to a medium, last 12 complete months.",
            """
            select
                replace(method, '_', ' ') as method, medium,
                sum(margin) / sum(sum(margin)) over (partition by method) as share
            from marts.medium_attribution
            where month > getvariable('last_month') - interval 12 month
                and month <= getvariable('last_month')
            group by method, medium
            order by method, medium
            """,
            grid("share of margin"),
            wide=True,
        ),
        Part(
            "What media cost and bring",
            "Last 12 complete months; CAC is what a new customer cost, attributed margin is by the Markov method.",
            """
            select
                medium, sum(new_customers) as "new customers", sum(acquisition_cost) as "cost of acquisition",
                sum(acquisition_cost) / nullif(sum(new_customers), 0) as cac,
                sum(attributed_margin) as "attributed margin",
                sum(attributed_margin) / nullif(sum(acquisition_cost), 0) as "margin per unit spent"
            from marts.medium_economics
            where month > getvariable('last_month') - interval 12 month
                and month <= getvariable('last_month')
            group by medium
            order by "attributed margin" desc nulls last, medium
            """,
            table,
        ),
        Part(
            "Referrals",
            "Invitations of each month, and those accepted so far.",
            """
            unpivot (
                select month, invitations, accepted_invitations as accepted
                from marts.referral_summary
                where is_complete
                    and month > getvariable('last_month') - interval 24 month
            ) on invitations, accepted into name what value number
            order by what desc, month
            """,
            lines("invitations"),
        ),
    ),
)
