"""One `@dbt_assets` per dbt stage: a single `dbt build`, whose tests are the stage's asset checks."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster import AssetCheckResult, AssetExecutionContext, AssetMaterialization, AssetsDefinition, Failure, Output
from dagster_dbt import DagsterDbtTranslatorSettings, dbt_assets

from crm_pipeline.dbt import evidence
from crm_pipeline.dbt.project import dbt_environment, dbt_vars, failure_sentence, forget_outdated_parse
from crm_pipeline.dbt.resource import Dbt
from crm_pipeline.dbt.translator import StageTranslator
from crm_pipeline.faults import guard
from crm_pipeline.resources import Workspace
from crm_pipeline.stages import Stage
from crm_pipeline.storage.warehouse import row_counts


def stage_assets(stage: Stage, manifest: Path) -> AssetsDefinition:
    """Define the assets of one dbt stage."""

    @dbt_assets(
        manifest=manifest,
        select=f"config.schema:{stage.value}",
        name=stage.value,
        dagster_dbt_translator=StageTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=False)),
    )
    def build(context: AssetExecutionContext, workspace: Workspace, dbt: Dbt) -> Iterator[Any]:
        with workspace.making(stage):
            yield from _build(context, workspace, dbt, stage)

    return build


def _build(context: AssetExecutionContext, workspace: Workspace, dbt: Dbt, stage: Stage) -> Iterator[Any]:
    """Run `dbt build`, then count rows: while dbt writes, nobody else may open the warehouse."""
    settings = workspace.settings
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update(dbt_environment(settings))
    # One target for all: dbt finds its parsed project there. Old results must not be taken for new ones.
    target = settings.state / "dbt"
    (target / "run_results.json").unlink(missing_ok=True)
    forget_outdated_parse(settings, target)
    # The log of each statement costs a quarter of a build; the statements themselves lie in the target's `run` folder.
    arguments = ["build", "--log-level-file", "info", "--exclude-resource-type", "unit_test"]
    arguments += ["--vars", dbt_vars(workspace.dataset, workspace.as_of_date)]
    invocation = dbt.cli(arguments, context=context, target_path=target, raise_on_error=False)
    events = list(invocation.stream())
    counts = row_counts(settings, stage) if settings.warehouse.exists() else {}
    nothing: dict[str, str] = {}
    said = guard.attempt("naming what breaks the tests", lambda: evidence.sentences(settings, stage, target), nothing)
    for event in events:
        yield _with_evidence(event, counts, said)
    if invocation.get_error():
        raise Failure(failure_sentence(target, stage))


def _with_evidence(event: Any, counts: dict[str, int], said: dict[str, str]) -> Any:
    if isinstance(event, Output | AssetMaterialization):
        name = (
            event.asset_key.path[-1] if isinstance(event, AssetMaterialization) else event.output_name.split("__")[-1]
        )
        if name in counts:
            return event.with_metadata({**event.metadata, "dagster/row_count": counts[name]})
    if isinstance(event, AssetCheckResult) and not event.passed:
        failed = event.metadata.get("dagster_dbt/failed_row_count")
        rows = f" ({failed.value} rows)" if failed else ""
        unsaid = f"dbt test {event.check_name} found rows that break it{rows}."
        return event._replace(description=said.get(event.check_name or "", unsaid))
    return event
