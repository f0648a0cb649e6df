"""The identity stage in Dagster: one step that makes the person map and its evidence."""

import time
from collections.abc import Iterator
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from crm_pipeline.identity import store
from crm_pipeline.identity.match_settings import MatchSettings
from crm_pipeline.identity.resolve import resolve
from crm_pipeline.resources import Workspace
from crm_pipeline.stages import Stage

_TABLES = {
    "person_map": "One row per source record: the person it belongs to, and the rule that ties it to that person.",
    "edges": "One row per link between two records: the evidence for a person.",
    "conflicts": "One row per identifier value that links nothing, or per contradiction between linked records.",
    "merge_ledger": "One row per record that moved from one person to another, and when.",
}
# All of them, so that a failed check on any staging table keeps this stage from running.
_STAGING = [
    AssetKey([Stage.STAGING.value, name])
    for name in ("stg_identifiers", "stg_customers", "stg_products", "stg_orders", "stg_order_lines")
]


@multi_asset(
    name=Stage.IDENTITY.value,
    specs=[
        AssetSpec(
            AssetKey([Stage.IDENTITY.value, name]),
            deps=_STAGING,
            group_name=Stage.IDENTITY.value,
            description=description,
        )
        for name, description in _TABLES.items()
    ],
)
def identity_tables(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult]:
    """Resolve records into people and store the result as a new version."""
    started = time.monotonic()
    settings, business = workspace.settings, workspace.dataset.business
    with workspace.warehouse() as connection:
        resolution = resolve(
            connection,
            MatchSettings(default_region=business.default_region),
            store.read(settings, "person_map"),
            store.read(settings, "merge_ledger"),
            workspace.as_of_date,
        )
    changed = store.save(settings, resolution)
    figures = resolution.figures
    context.log.info("%s records, %s people", figures.records, figures.people)
    for name, table in resolution.tables().items():
        evidence: dict[str, Any] = {
            "people": figures.people,
            "linked_share": figures.linked_share,
            "largest_person": figures.largest_person,
            "person_sizes": {str(size): people for size, people in figures.person_sizes.items()},
        }
        yield MaterializeResult(
            asset_key=AssetKey([Stage.IDENTITY.value, name]),
            metadata={
                "dagster/row_count": len(table),
                "seconds": round(time.monotonic() - started, 2),
                "changed": changed,
                **(evidence if name == "person_map" else {}),
            },
        )
