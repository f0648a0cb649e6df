"""Revenue, its channels and its products."""

from crm_pipeline.publish.report.draw import bars, grid, stacked, table
from crm_pipeline.publish.report.found import Part, Section

TRADE = Section(
    "Revenue and products",
    (
        Part(
            "Revenue by month and sales channel",
            "Net of discounts and returns; complete months only.",
            """
            select month, dimension_value, value
            from marts.kpi_scorecard
            where kpi = 'revenue' and dimension = 'sales_channel' and is_complete and value is not null
                and month > getvariable('last_month') - interval 24 month
            order by sum(value) over (partition by dimension_value) desc, dimension_value, month
            """,
            stacked("revenue"),
        ),
        Part(
            "New and returning customers",
            "How many customers of each month bought for the first time, and how many had bought before.",
            """
            select
                month,
                if(kpi = 'new_customers', 'new', 'returning') as customers,
                if(kpi = 'new_customers', value, numerator) as number
            from marts.kpi_scorecard
            where dimension = 'all' and kpi in ('new_customers', 'repurchase_rate')
                and month <= getvariable('last_month')
                and month > getvariable('last_month') - interval 24 month
            order by customers desc, month
            """,
            stacked("customers"),
        ),
        Part(
            "Revenue by category",
            "The last 12 complete months.",
            """
            select category, sum(revenue) as revenue
            from marts.market_trends
            where is_complete and month > getvariable('last_month') - interval 12 month
            group by category
            order by revenue desc, category
            limit 12
            """,
            bars("revenue", "money"),
        ),
        Part(
            "What is bought together",
            "Of the baskets with the first, the share that also hold the second (confidence), and how many times more "
            "often than by chance (lift).",
            """
            select
                antecedent as bought, consequent as "together with", baskets, confidence, lift
            from marts.basket_rules
            where level = 'product' and lift > 1 and second_antecedent is null
            qualify row_number() over (
                partition by least(antecedent_key, consequent_key), greatest(antecedent_key, consequent_key)
                order by confidence desc, antecedent_key
            ) = 1
            order by baskets * (1 - 1 / lift) desc, antecedent, consequent
            limit 10
            """,
            table,
        ),
        Part(
            "When people buy",
            "Share of all orders by weekday and hour of the business day.",
            """
            select
                ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][weekday] as day,
                hour,
                sum(orders) / sum(sum(orders)) over () as share
            from marts.active_hours
            group by weekday, hour
            having sum(orders) > 0
            order by weekday, hour
            """,
            grid("share of orders", "{:.1%}"),
            wide=True,
        ),
    ),
)
