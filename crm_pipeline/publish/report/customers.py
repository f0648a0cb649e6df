"""Who the customers are, what they are worth, whether they stay, and what to do next."""

from crm_pipeline.publish.report.draw import bars, grid, lines, table
from crm_pipeline.publish.report.found import Part, Section

CUSTOMERS = Section(
    "Customers",
    (
        Part(
            "Segments",
            "By recency, frequency and money of the last 24 months; expected value is the margin of the coming months.",
            """
            select
                coalesce(rfm_segment, 'no order in 24 months') as segment,
                count(*) as people,
                count(*) / sum(count(*)) over () as "share of people",
                coalesce(sum(revenue_12m), 0) as "revenue of 12 months",
                coalesce(sum(revenue_12m), 0) / nullif(sum(sum(revenue_12m)) over (), 0) as "share of revenue",
                sum(clv_predicted) as "expected value",
                avg(churn_probability) as "mean churn probability"
            from marts.customer_360
            group by rfm_segment
            order by coalesce(sum(revenue_12m), 0) desc, segment
            """,
            table,
            wide=True,
        ),
        Part(
            "Key figures by segment",
            "The last complete month; more figures, and those by sales channel or segment, are in marts.kpi_scorecard.",
            """
            select
                dimension_value as segment,
                (max(value) filter (where kpi = 'active_customers'))::bigint as "active customers",
                (max(value) filter (where kpi = 'orders'))::bigint as orders,
                max(value) filter (where kpi = 'revenue') as revenue,
                max(value) filter (where kpi = 'gross_margin') as "gross margin",
                max(value) filter (where kpi = 'average_order_value') as "average order value",
                max(value) filter (where kpi = 'return_rate') as "return rate",
                max(value) filter (where kpi = 'churn_rate') as "churn rate",
                max(value) filter (where kpi = 'customer_lifetime_value') as "lifetime value",
                max(value) filter (where kpi = 'customer_equity') as "customer equity"
            from marts.kpi_scorecard
            where dimension = 'segment' and month = getvariable('last_month')
            group by dimension_value
            order by revenue desc nulls last, segment
            """,
            table,
            wide=True,
        ),
        Part(
            "Personas",
            "Groups found in how people buy, by people.",
            "select persona, people from marts.persona_profile order by people desc, persona",
            bars("people"),
        ),
        Part(
            "Lifecycle",
            "In which stage everybody stands on the as-of date.",
            """
            select stage, people from marts.lifecycle_profile
            order by list_position(
                ['prospect', 'introduction', 'growth', 'maturity', 'decline', 'churned', 'reactivated'], stage
            ), stage
            """,
            bars("people"),
        ),
        Part(
            "Movements of the last complete month",
            "From which stage to which; the yearly margin is that of the people who moved.",
            """
            select
                from_stage as "from", to_stage as "to", people, share as "share of stage",
                margin_12m as "margin of 12 months"
            from marts.lifecycle_transitions
            where month = getvariable('last_month') and from_stage <> to_stage
            order by people desc, from_stage, to_stage
            limit 10
            """,
            table,
        ),
        Part(
            "What a customer brings, by cohort",
            "Margin per customer added up since the first order, by the quarter of that order; months that all of its "
            "cohorts have reached.",
            """
            with cohorts as (
                select *, date_trunc('quarter', cohort_month) as quarter,
                    count(*) over (partition by date_trunc('quarter', cohort_month), month_number) as reached
                from marts.cohort_retention
                where month <= getvariable('last_month')
            )
            select month_number, year(quarter) || '-Q' || quarter(quarter) as quarter,
                sum(cumulative_margin) / sum(customers) as margin
            from cohorts
            where reached = 3 and quarter >= (select max(quarter) - interval 18 month from cohorts)
            group by quarter, month_number
            order by quarter, month_number
            """,
            lines("margin per customer, by months since the first order"),
        ),
        Part(
            "Who comes back",
            "Of the customers won in a month, the share that buys again so many months later.",
            """
            select strftime(cohort_month, '%b %Y') as cohort, month_number, retention_rate
            from marts.cohort_retention
            where month_number between 1 and 12
                and cohort_month >= (select max(cohort_month) - interval 18 month from marts.cohort_retention)
                and month <= getvariable('last_month')
            order by cohort_month, month_number
            """,
            grid("share that buys, by months since the first order"),
            wide=True,
        ),
        Part(
            "Valuable customers at risk",
            "High risk of leaving, by expected value.",
            """
            select
                customer_id as customer, rfm_segment as segment, recency_days as "days since order",
                orders_12m as "orders in 12 months", clv_predicted as "expected value",
                churn_probability, churn_reason_1 as "first reason"
            from marts.customer_360
            where churn_risk_band = 'high' and clv_predicted is not null
            order by clv_predicted desc, churn_probability desc, customer_id
            limit 10
            """,
            table,
            wide=True,
        ),
        Part(
            "What preceded leaving",
            "How many times more often than among those who stayed (12 complete months; 1 = no difference).",
            """
            select
                cause_group || ': ' || replace(cause, '_', ' ') as cause,
                (sum(churned_with_cause) / sum(churned)) / nullif(sum(stayed_with_cause) / sum(stayed), 0) as lift
            from marts.churn_causes
            where cause not in ('any', 'none')
                and month > getvariable('last_month') - interval 12 month and month <= getvariable('last_month')
            group by cause_group, cause
            having sum(churned_with_cause) >= 5 and lift is not null
            order by lift desc, cause
            """,
            bars("lift"),
        ),
        Part(
            "What to do next",
            "The best action for each person under consent, contact caps and budget, added up.",
            """
            select
                replace(action, '_', ' ') as action, coalesce(contact_channel, 'none') as "contact channel",
                count(*) as people, sum(cost) as cost, sum(expected_value) as "expected extra margin"
            from marts.next_best_actions
            where action <> 'none'
            group by all
            order by "expected extra margin" desc, action, "contact channel"
            """,
            table,
        ),
        Part(
            "Where the budget goes",
            "Personas, else RFM segments, by what one unit of money spent on them is expected to bring.",
            """
            select
                target_group as "target group", people, people_planned as "people planned", planned_cost as "cost",
                planned_value as "expected extra margin", value_per_cost as "per unit of cost",
                budget_share as "budget share"
            from marts.target_groups
            order by value_per_cost desc nulls last, target_group
            """,
            table,
            wide=True,
        ),
    ),
)
