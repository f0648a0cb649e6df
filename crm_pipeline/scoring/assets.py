"""The scoring stage in Dagster: each step writes its scores and shows its evidence; past months can be filled in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    DagsterInstance,
    DynamicPartitionsDefinition,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset,
)

from crm_pipeline.faults import guard
from crm_pipeline.resources import Workspace
from crm_pipeline.scoring import cards
from crm_pipeline.scoring.outcome import Report
from crm_pipeline.scoring.questions import labels
from crm_pipeline.scoring.steps import Given, score, tables
from crm_pipeline.show.pages import data_url
from crm_pipeline.stages import Stage

MONTHS = DynamicPartitionsDefinition(name="month_end")
"""The month ends that features exist for: a run adds those that it sees."""

_INPUTS = [
    AssetKey([stage.value, table])
    for stage, tables in {
        Stage.FEATURES: ("customer_features", "sampled_features"),
        Stage.CUSTOMER: (
            "medium_touches",
            "customer_consent_states",
            "customer_referrers",
            "dim_campaigns",
            "dim_customers",
            "dim_customers_history",
            "dim_products",
            "fct_campaign_contacts",
            "fct_order_lines",
            "fct_orders",
            "fct_referrals",
            "fct_social_mentions",
            "fct_support_tickets",
            "fct_survey_responses",
            "fct_touchpoints",
            "fct_web_sessions",
            "order_touches",
        ),
    }.items()
    for table in tables
]


def _key(table: str) -> AssetKey:
    return AssetKey([Stage.SCORING.value, table])


def asset_specs() -> list[AssetSpec]:
    """Return the asset of each score table."""
    return [
        AssetSpec(_key(name), deps=_INPUTS, group_name=Stage.SCORING.value, description=table.description)
        for name, table in tables().items()
    ]


@multi_asset(
    name=Stage.SCORING.value,
    specs=asset_specs(),
)
def scoring_tables(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult]:
    """Score everybody with each model; a model that cannot says so in its status."""
    with workspace.making(Stage.SCORING), _given(workspace, workspace.as_of_date) as given:
        _offer_months(context.instance, given)
        shown = cards.Pages(given.settings, given.asked.as_of)
        started = time.monotonic()
        for _, made in score(given):
            metadata = {"seconds": round(time.monotonic() - started, 2)}
            for report in made.reports:
                metadata |= _shown(shown, report)
                if report.status:
                    context.log.info(f"{report.status.model}: {report.status.status} {report.status.reason or ''}")
            for table, rows in made.tables.items():
                yield MaterializeResult(asset_key=_key(table), metadata={"dagster/row_count": len(rows), **metadata})
            started = time.monotonic()


@asset(
    key=_key("score_history"),
    deps=_INPUTS,
    group_name=Stage.SCORING.value,
    partitions_def=MONTHS,
    description="All scores as they would have been at the end of a past month; backfill the months from here, "
    "the oldest first. The next run publishes them.",
)
def scoring__score_history(context: AssetExecutionContext, workspace: Workspace) -> MaterializeResult:
    """Score everybody as of the end of a month, with what was known then."""
    month_end = date.fromisoformat(context.partition_key)
    with _given(workspace, month_end) as given:
        rows = {table: len(kept) for _, made in score(given) for table, kept in made.tables.items()}
    return MaterializeResult(metadata={"rows": MetadataValue.json(rows), "dagster/row_count": sum(rows.values())})


@contextmanager
def _given(workspace: Workspace, as_of: date) -> Iterator[Given]:
    with workspace.warehouse() as connection:
        yield Given.of(connection, workspace.dataset, workspace.settings, as_of)


def _offer_months(instance: DagsterInstance, given: Given) -> None:
    """Let the UI offer each month end that has features, the run's own date left out."""
    known = labels.origins_on_grid(given.connection, given.asked.as_of)
    months = [day.isoformat() for day in known if day < given.asked.as_of]
    instance.add_dynamic_partitions(MONTHS.name or "", months)


def _shown(shown: cards.Pages, report: Report) -> dict[str, Any]:
    """Return a report's evidence; what cannot be shown is named there and in the log."""
    nothing: dict[str, Any] = {}
    name = report.status.model if report.status else "a step"
    with guard.watched() as faults:
        metadata = guard.attempt(f"showing the evidence of {name}", lambda: _evidence(shown, report), nothing)
    return metadata | ({f"{name}: not shown": " ".join(faults)} if faults else {})


def _evidence(shown: cards.Pages, report: Report) -> dict[str, Any]:
    metadata: dict[str, Any] = {title: MetadataValue.md(_picture(title, svg)) for title, svg in report.plots.items()}
    prefix = ""
    if report.status:
        status = report.status
        prefix = f"{status.model}: "
        metadata |= {f"{prefix}status": status.status.value, f"{prefix}champion": status.champion or ""}
        metadata |= {f"{prefix}reason": status.reason} if status.reason else {}
        card = guard.attempt(f"the page of {status.model}", lambda: str(shown.write(status.model, report)), "")
        metadata |= {f"{prefix}model card": MetadataValue.path(card)} if card else {}
    if report.backtests:
        metadata[f"{prefix}backtest"] = MetadataValue.md(cards.backtest_markdown(report.backtests))
    return metadata


def _picture(title: str, svg: str) -> str:
    return f"![{title}]({data_url(svg)})"
