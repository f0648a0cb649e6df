"""Five questions that a BI user would ask of the serving file, with their SQL and their answers as plain text."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from crm_pipeline.publish.errors import PublishError
from crm_pipeline.settings import Settings

_WIDEST = 40


@dataclass(frozen=True)
class Example:
    """A question in words, and the query that answers it on the serving file."""

    question: str
    sql: str


EXAMPLES: tuple[Example, ...] = (
    Example(
        "Which groups of customers do we have, and what are they worth?",
        """
        select
            coalesce(rfm_segment, 'no order in 24 months') as segment,
            count(*) as people,
            round(100.0 * count(*) / sum(count(*)) over (), 1) as percent_of_people,
            coalesce(sum(revenue_12m), 0)::decimal(18, 2) as revenue_12m,
            round(avg(clv_predicted), 2) as mean_predicted_value
        from marts.customer_360
        group by all
        order by revenue_12m desc, segment
        """,
    ),
    Example(
        "Which valuable customers are we about to lose?",
        """
        select
            customer_id, rfm_segment as segment, recency_days as days_since_order, orders_12m,
            round(clv_predicted, 2) as predicted_value, round(churn_probability, 2) as churn_probability
        from marts.customer_360
        where churn_risk_band = 'high'
        order by clv_predicted desc nulls last, churn_probability desc, customer_id
        limit 10
        """,
    ),
    Example(
        "How do orders and revenue develop in each sales channel, month by month?",
        """
        select
            date_trunc('month', ordered_on)::date as month,
            coalesce(sales_channel, 'unknown') as sales_channel,
            count(*) filter (where is_counted) as orders,
            sum(revenue)::decimal(18, 2) as revenue,
            round((sum(revenue) filter (where is_counted) / nullif(count(*) filter (where is_counted), 0))::double, 2)
                as revenue_per_order
        from customer.fct_orders
        where ordered_on > (select max(as_of_date) from main._release) - interval 6 month
        group by all
        order by month, sales_channel
        """,
    ),
    Example(
        "Of those who bought for the first time in a month, how many percent buy again later?",
        """
        select
            cohort_month,
            max(customers) as customers,
            round(100 * max(retention_rate) filter (where month_number = 1), 1) as after_1_month,
            round(100 * max(retention_rate) filter (where month_number = 3), 1) as after_3_months,
            round(100 * max(retention_rate) filter (where month_number = 6), 1) as after_6_months,
            round(100 * max(retention_rate) filter (where month_number = 12), 1) as after_12_months
        from marts.cohort_retention
        group by cohort_month
        order by cohort_month desc
        limit 12
        """,
    ),
    Example(
        "Where do we stand against our targets?",
        """
        select
            month, kpi_group, kpi, round(value::double, 2) as value, target,
            round(100 * trend::double, 1) as percent_change, status
        from marts.kpi_scorecard
        where dimension = 'all' and value is not null
            and month = (select max(month) from marts.kpi_scorecard where is_complete)
        order by kpi_group, kpi
        """,
    ),
)


def render_examples(settings: Settings) -> str:
    """Answer the example questions from the current serving file, as text for a terminal.

    Raises:
        PublishError: if nothing has been published yet, or the file lacks what a question needs.
    """
    if not settings.serving_file.exists():
        raise PublishError(f"Nothing is published for {settings.dataset} yet. Run the pipeline first.")
    with duckdb.connect(str(settings.serving_file), read_only=True) as con:
        return "\n\n".join(_answer(con, example) for example in EXAMPLES) + "\n"


def _answer(con: duckdb.DuckDBPyConnection, example: Example) -> str:
    try:
        result = con.execute(example.sql)
    except duckdb.Error as error:
        raise PublishError(f"The serving file cannot answer {example.question!r}: {error}") from error
    header = [column[0] for column in result.description or []]
    return f"{example.question}\n\n{render_table(header, result.fetchall())}"


def render_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as a plain text table: numbers to the right, everything else to the left."""
    if not rows:
        return "  (no rows)"
    cells = [[_shown(value) for value in row] for row in rows]
    widths = [max(len(line[column]) for line in [header, *cells]) for column in range(len(header))]
    right = [any(_is_number(row[column]) for row in rows) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(line, widths, right) for line in [header, rule, *cells])


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    ]
    return ("  " + "  ".join(padded)).rstrip()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:,}" if _is_number(value) else str(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
