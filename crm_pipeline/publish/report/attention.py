"""What a reader should look at first: sentences about what is off, dangerous or not to be trusted."""

from datetime import date

import duckdb
from markupsafe import Markup

from crm_pipeline.faults.guard import WHERE
from crm_pipeline.publish.report.found import ask
from crm_pipeline.publish.report.words import among, month, spoken, told
from crm_pipeline.show.pages import filled

TITLE = "What needs attention"

OFF_TARGET = """
select kpi, value, target, unit, denominator, month
from marts.kpi_scorecard
where dimension = 'all' and status = 'off_target'
    and month = getvariable('last_month')
order by kpi_group, kpi
"""
SENTENCES = (
    """
    select format(
        '{:,} customers are at high risk of leaving; their expected value is {:,.0f}.',
        count(*), coalesce(sum(clv_predicted), 0)::double
    )
    from marts.customer_360 where churn_risk_band = 'high'
    having count(*) > 0
    """,
    """
    select format(
        'The draw of {} is broken (sample-ratio p {:.1g}): what this campaign changed cannot be told.',
        campaign_name, sample_ratio_p
    )
    from marts.campaign_performance where experiment_status = 'broken'
    order by starts_on desc, campaign_name
    """,
    """
    select format(
        'The campaign {} lost margin beside its control group: {:,.0f}, 95 % interval {:,.0f} to {:,.0f}.',
        campaign_name, incremental_margin::double, incremental_margin_lower::double, incremental_margin_upper::double
    )
    from marts.campaign_performance where incremental_margin_upper < 0
    order by starts_on desc, campaign_name
    """,
    """
    select format(
        '{:,} mentions wait for an answer, the oldest for {:,} days.', count(*), max(days_waiting)
    )
    from marts.mentions_to_answer
    having count(*) > 0
    """,
    f"""
    select format(
        case
            when status = 'ok' then 'Of the model {{}} something is missing: {{}}'
            when reason ilike '%goes on%' then 'Of the model {{}} an earlier version scores: {{}}'
            else 'The model {{}} gives no scores: {{}}'
        end,
        replace(model, '_', ' '), reason
    )
    from (from marts.model_status qualify as_of_date = max(as_of_date) over ())
    where status <> 'ok' or contains(reason, '{WHERE}')
    order by model
    """,
)
"""Queries of one text column: a sentence a row, none where all is well."""


def attention(con: duckdb.DuckDBPyConnection, rows_quarantined: int) -> Markup:
    """Return the sentences as a list; amounts are in the business currency."""
    said = [_off_target(*row) for row in ask(con, TITLE, OFF_TARGET).rows]
    for sql in SENTENCES:
        said += [sentence for (sentence,) in ask(con, TITLE, sql).rows]
    if rows_quarantined:
        said.append(f"{rows_quarantined:,} source rows were set aside; see the quarantine below.")
    return filled(__package__, "attention.html", sentences=said)


def _off_target(kpi: str, value: float, target: float, unit: str, denominator: float | None, day: date) -> str:
    figure = f"{told(value, unit)} {among(unit, denominator)}".rstrip()
    figure = f"{spoken(kpi).capitalize()} is {figure} in {month(day)}"
    return f"{figure}, off its target of {told(target, unit)}."
