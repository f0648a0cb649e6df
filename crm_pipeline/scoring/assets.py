"""The scoring stage in Dagster: each model writes its scores, then its backtests and status are gathered."""

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, MetadataValue, multi_asset

from crm_pipeline.resources import Workspace
from crm_pipeline.scoring import churn, clv, registry, rfm, store
from crm_pipeline.scoring.frame import ModelResult, ScoringSettings, backtest_table, status_table
from crm_pipeline.stages import Stage

_TABLES = {
    "rfm": "One row per person with an order in the last 24 months: recency, frequency and monetary quintiles.",
    "clv": "One row per buyer: expected margin of the coming months with its interval, and the probability alive.",
    "churn": "One row per recent buyer: probability of no order within the churn horizon.",
    "model_backtests": "One row per model, origin, candidate and metric, measured on later, unseen time.",
    "model_status": "One row per model: whether its scores may be used, and why not.",
}
_INPUTS = [AssetKey([Stage.FEATURES.value, "customer_features"]), AssetKey([Stage.CUSTOMER.value, "fct_orders"])]
_MODELS: dict[str, Callable[[duckdb.DuckDBPyConnection, ScoringSettings], ModelResult]] = {
    clv.MODEL: clv.run,
    churn.MODEL: churn.run,
}


@multi_asset(
    name=Stage.SCORING.value,
    specs=[
        AssetSpec(AssetKey([Stage.SCORING.value, name]), deps=_INPUTS, group_name=Stage.SCORING.value, description=text)
        for name, text in _TABLES.items()
    ],
)
def scoring_tables(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult]:
    """Score everybody with each model; a model that cannot says so in its status."""
    settings, asked = workspace.settings, _scoring_settings(workspace)
    started = time.monotonic()
    with workspace.warehouse() as connection:
        segments = rfm.score(connection, asked.as_of)
        yield _stored(workspace, "rfm", segments, started)
        results = []
        for name, run in _MODELS.items():
            started = time.monotonic()
            result = run(connection, asked)
            if result.artefact is not None:
                said = {"status": result.status.status.value, "reason": result.status.reason}
                artefact = replace(result.artefact, card={**result.artefact.card, **said})
                registry.save(store.registry(settings), artefact)
            context.log.info("%s: %s %s", name, result.status.status, result.status.reason or "")
            yield _stored(workspace, name, result.scores, started, result)
            results.append(result)
    started = time.monotonic()
    backtests = backtest_table((row for result in results for row in result.backtests), asked.as_of)
    yield _stored(workspace, "model_backtests", backtests, started)
    yield _stored(workspace, "model_status", status_table((result.status for result in results), asked.as_of), started)


def _scoring_settings(workspace: Workspace) -> ScoringSettings:
    business = workspace.dataset.business
    return ScoringSettings(
        as_of=workspace.as_of_date,
        churn_horizon_days=business.churn_horizon_days,
        clv_horizon_months=business.clv_horizon_months,
        monthly_discount_rate=business.monthly_discount_rate,
        seed=workspace.settings.seed,
        threads=workspace.settings.threads,
    )


def _stored(
    workspace: Workspace, table: str, rows: pa.Table, started: float, result: ModelResult | None = None
) -> MaterializeResult:
    """Store a table and show its evidence."""
    store.save(workspace.settings, table, workspace.as_of_date, rows)
    metadata: dict[str, Any] = {"dagster/row_count": len(rows), "seconds": round(time.monotonic() - started, 2)}
    if result is not None:
        metadata["status"] = result.status.status.value
        metadata["reason"] = result.status.reason or ""
        metadata["champion"] = result.status.champion or ""
        metadata |= {title: MetadataValue.md(_picture(title, svg)) for title, svg in result.plots.items()}
    return MaterializeResult(asset_key=AssetKey([Stage.SCORING.value, table]), metadata=metadata)


def _picture(title: str, svg: str) -> str:
    return f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
