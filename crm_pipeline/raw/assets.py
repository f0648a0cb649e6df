"""The raw stage in Dagster: one step that loads what is new in landing, one asset per channel."""

import time
from collections.abc import Iterator

from dagster import AssetExecutionContext, AssetKey, AssetSpec, Failure, MaterializeResult, multi_asset

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.settings import now
from crm_pipeline.raw.extraction.land import land
from crm_pipeline.raw.extraction.secrets import ExtractionError
from crm_pipeline.raw.load import load
from crm_pipeline.resources import Workspace
from crm_pipeline.stages import Stage


@multi_asset(
    name=Stage.RAW.value,
    specs=[
        AssetSpec(AssetKey([Stage.RAW.value, name]), group_name=Stage.RAW.value, description=contract.description)
        for name, contract in contracts().items()
    ],
)
def raw_channels(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult]:
    """Land what sources with `extract:` have to give, and load new and changed files into a new version of raw.

    Nothing new leaves the snapshot as it is.

    Raises:
        Failure: if a source with `extract:` cannot be fetched.
    """
    started = time.monotonic()
    try:
        land(workspace.settings, workspace.dataset, now(), context.log.info)
    except ExtractionError as error:
        raise Failure(str(error)) from error
    with workspace.making(Stage.RAW):
        report = load(workspace.settings, workspace.dataset, context.run_id, now(), context.log.info)
    for problem in report.problems:
        context.log.warning(problem)
    for name, rows in report.channels.items():
        yield MaterializeResult(
            asset_key=AssetKey([Stage.RAW.value, name]),
            metadata={
                "dagster/row_count": rows.current,
                "rows_new": rows.new,
                "rows_quarantined": rows.quarantined,
                "changed": report.changed,
                "seconds": round(time.monotonic() - started, 2),
            },
        )
