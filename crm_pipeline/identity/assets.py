"""The identity stage in Dagster: one step that makes the maps of people and of products, and their evidence."""

import time
from collections.abc import Iterator
from typing import Any

import pyarrow.compute as pc
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Failure,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)

from crm_pipeline.config.settings import Settings
from crm_pipeline.identity import evidence, store
from crm_pipeline.identity.accuracy import alone
from crm_pipeline.identity.overrides import PRODUCT_OVERRIDES_FILE, OverrideError, read_overrides
from crm_pipeline.identity.products import resolve_products
from crm_pipeline.identity.resolve import Resolution, resolve
from crm_pipeline.identity.truth import read_truth
from crm_pipeline.resources import Workspace
from crm_pipeline.stages import Stage
from crm_pipeline.storage.warehouse import workshop

_TABLES = {
    "person_map": "One row per source record: the person it belongs to, and the link that ties it to that person.",
    "edges": "One row per link between two records: the evidence for a person.",
    "conflicts": "One row per identifier value that links nothing or not all, or per divided group of records.",
    "review": "One row per two people who may be one: their most probable pair of records, and why it does not link.",
    "merge_ledger": "One row per record that moved to another person, or was in a person when others merged into it.",
    "product_map": "One row per product of a source system: the product that it is, and what says so.",
}


def identity_assets(settings: Settings) -> AssetsDefinition:
    """Define the stage's assets behind all staging models of a deployment's dbt project."""
    # All of them, so that a failed check on any staging table keeps this stage from running.
    models = sorted((settings.dbt_project / "models" / Stage.STAGING).glob("*.sql"))
    staging = [AssetKey([Stage.STAGING.value, model.stem]) for model in models]
    specs = [
        AssetSpec(
            AssetKey([Stage.IDENTITY.value, name]),
            deps=staging,
            group_name=Stage.IDENTITY.value,
            description=description,
        )
        for name, description in _TABLES.items()
    ]

    @multi_asset(name=Stage.IDENTITY.value, specs=specs)
    def identity_tables(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult]:
        yield from _resolved(context, workspace)

    return identity_tables


def _resolved(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult]:
    """Resolve records into people and products into one, and store the result as a new version.

    Raises:
        Failure: if an override file cannot be used.
    """
    started = time.monotonic()
    settings, dataset = workspace.settings, workspace.dataset
    try:
        overrides = read_overrides(dataset.folder)
        product_overrides = read_overrides(dataset.folder, PRODUCT_OVERRIDES_FILE)
    except OverrideError as error:
        raise Failure(str(error)) from error
    with workspace.making(Stage.IDENTITY), workshop(settings, Stage.STAGING) as connection:
        truth = read_truth(connection, dataset.folder)
        resolution = resolve(
            connection,
            dataset.identity,
            dataset.business.default_region,
            workspace.as_of_date,
            overrides,
            store.read_previous(settings),
            settings.seed,
        )
        product_map = resolve_products(connection, dataset.source_trust(), product_overrides)
        changed = store.save(settings, resolution, product_map)
    context.log.info("%s records, %s people", resolution.figures.records, resolution.figures.people)
    seconds = round(time.monotonic() - started, 2)
    yield MaterializeResult(
        asset_key=AssetKey([Stage.IDENTITY.value, "product_map"]),
        metadata={
            "dagster/row_count": len(product_map),
            "seconds": seconds,
            "changed": changed,
            "products": pc.count_distinct(product_map["product_key"]).as_py(),
            "joined by": MetadataValue.md(evidence.joins_table(product_map)),
        },
    )
    for name, table in resolution.tables().items():
        yield MaterializeResult(
            asset_key=AssetKey([Stage.IDENTITY.value, name]),
            metadata={
                "dagster/row_count": len(table),
                "seconds": seconds,
                "changed": changed,
                "records looked at": resolution.looked_at,
                **(_evidence(resolution, truth) if name == "person_map" else {}),
            },
        )


def _evidence(resolution: Resolution, truth: Any) -> dict[str, Any]:
    figures = resolution.figures
    shown: dict[str, Any] = {
        "people": figures.people,
        "linked_share": figures.linked_share,
        "largest_person": figures.largest_person,
        "conflicts": figures.conflicts,
        "pairs to review": figures.review,
        "model": "trained" if resolution.model else "insufficient_data: too few records with names; rules alone",
        "strongest links": MetadataValue.md(evidence.links_table(figures)),
        "person sizes": MetadataValue.md(evidence.sizes_table(figures)),
    }
    if truth is not None:
        maps = {"rules and probability": resolution.person_map}
        maps |= {f"{name} alone": found for name, found in alone(resolution.person_map, resolution.edges).items()}
        shown["accuracy against the truth"] = MetadataValue.md(evidence.accuracy_table(maps, truth))
    return shown
