"""The publish stage in Dagster: the serving file, only when every gate vouches for it, and the report on it."""

import time
from collections.abc import Sequence

import pyarrow.compute as pc
from dagster import (
    AssetCheckKey,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
    Failure,
    MaterializeResult,
    MetadataValue,
    asset,
)

from crm_pipeline import __version__
from crm_pipeline.config.settings import now
from crm_pipeline.dbt.catalogue import Catalogue
from crm_pipeline.dbt.project import manifest
from crm_pipeline.identity.store import read as read_identity
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.gates import Gate, Outcome, verdict_on
from crm_pipeline.publish.release import publish
from crm_pipeline.publish.report.page import write_report
from crm_pipeline.publish.serving import ReleaseInfo
from crm_pipeline.raw.accounting import raw_totals
from crm_pipeline.raw.ledger import read_ledger
from crm_pipeline.resources import Workspace
from crm_pipeline.stages import Stage
from crm_pipeline.storage.lake import current_version

SERVING_FILE = AssetKey([Stage.PUBLISH.value, "serving_file"])
REPORT = AssetKey([Stage.PUBLISH.value, "report"])


def serving_file_asset(marts: Sequence[AssetKey], required: Sequence[AssetCheckKey]) -> AssetsDefinition:
    """Define the serving file: it depends on all marts and is published only when all `required` checks passed."""

    @asset(
        key=SERVING_FILE,
        deps=marts,
        group_name=Stage.PUBLISH.value,
        description="The DuckDB file that BI tools open: marts, dimensions and facts without personal data.",
    )
    def publish__serving_file(context: AssetExecutionContext, workspace: Workspace) -> MaterializeResult:
        started = time.monotonic()
        verdict = verdict_on(_gates(context.instance, required))
        if not verdict.allowed:
            raise Failure("Not published. " + " ".join(verdict.obstacles))
        settings = workspace.settings
        known = Catalogue(manifest(settings)).published
        try:
            published = publish(settings, _release(workspace, context.run_id, verdict.passed), known)
        except PublishError as error:
            raise Failure(f"Not published. {error}") from error
        info = published.release.info
        return MaterializeResult(
            metadata={
                "release": published.release.name,
                "is_new": published.is_new,
                "as_of_date": str(info.as_of_date),
                "people": info.people,
                "orders": info.orders,
                "revenue": str(info.revenue),
                "checks_passed": info.checks_passed,
                "megabytes": round(settings.serving_file.stat().st_size / 1e6, 1),
                "dagster/row_count": info.people,
                "seconds": round(time.monotonic() - started, 2),
            }
        )

    return publish__serving_file


@asset(
    key=REPORT,
    deps=[SERVING_FILE],
    group_name=Stage.PUBLISH.value,
    description="One page on the current release for people who do not query it: figures, plots, what needs attention.",
)
def publish__report(workspace: Workspace) -> MaterializeResult:
    """Write the report on what BI tools now see."""
    started = time.monotonic()
    try:
        page = write_report(workspace.settings, workspace.dataset.business.currency)
    except PublishError as error:
        raise Failure(f"The serving file is published, the report is not. {error}") from error
    return MaterializeResult(
        metadata={
            "page": MetadataValue.path(str(page)),
            "megabytes": round(page.stat().st_size / 1e6, 1),
            "seconds": round(time.monotonic() - started, 2),
        }
    )


def _release(workspace: Workspace, run_id: str, checks_passed: int) -> ReleaseInfo:
    """Describe the release by totals that do not come from the tables which are published."""
    settings, as_of = workspace.settings, workspace.as_of_date
    expected = raw_totals(settings, workspace.dataset.business, as_of)
    person_map = read_identity(settings, "person_map")
    ledger = read_ledger(current_version(settings.lake / Stage.RAW))
    return ReleaseInfo(
        run_id=run_id,
        as_of_date=as_of,
        published_at=now(),
        code_version=__version__,
        people=pc.count_distinct(person_map["customer_key"]).as_py() if person_map else 0,
        orders=expected.orders,
        revenue=expected.revenue,
        rows_quarantined=sum(entry.rows_quarantined for entry in ledger),
        checks_passed=checks_passed,
    )


def _gates(instance: DagsterInstance, required: Sequence[AssetCheckKey]) -> list[Gate]:
    """The latest outcome of each check, and whether it judged the latest data."""
    history = instance.event_log_storage
    records = history.get_latest_asset_check_execution_by_key(list(required))
    built = history.get_asset_records(list({key.asset_key for key in required}))
    latest_runs = {record.asset_entry.asset_key: record.asset_entry.last_run_id for record in built}
    entries = {key: record.event for key, record in records.items()}
    return [_gate(key, entries.get(key), latest_runs.get(key.asset_key)) for key in required]


def _gate(key: AssetCheckKey, entry: EventLogEntry | None, latest_run: str | None) -> Gate:
    name = f"{key.asset_key.to_user_string()}:{key.name}"
    event = entry.dagster_event if entry else None
    if event is None or event.event_type is not DagsterEventType.ASSET_CHECK_EVALUATION:
        return Gate(name, Outcome.MISSING)
    evaluation = event.asset_check_evaluation_data
    if not evaluation.passed:
        return Gate(name, Outcome.FAILED, evaluation.description or "")
    judged = evaluation.target_materialization_data
    if judged is None or judged.run_id != latest_run:
        return Gate(name, Outcome.STALE)
    return Gate(name, Outcome.PASSED)
