"""The gate behind the identity stage: is the person map plausible, and does it leave the orders alone?"""

from collections.abc import Iterator

from dagster import AssetCheckResult, AssetCheckSpec, AssetKey, multi_asset_check

from crm_pipeline.identity import store, verdicts
from crm_pipeline.resources import Workspace
from crm_pipeline.stages import Stage

_PERSON_MAP = AssetKey([Stage.IDENTITY.value, "person_map"])
_CHECKS = {
    "largest_person": "No person has more records than the limit.",
    "not_merged_up": "The records have not collapsed into too few people.",
    "steady": "The share of linked records has not jumped since the last accepted run.",
    "each_record_once": "Each source record has exactly one person, so that a join neither loses nor doubles an order.",
    "one_person_per_key": "No two people share a key.",
    "orders_stay": "Orders and revenue are the same before and after they are joined to their people.",
}

_ABOUT_LARGE_PEOPLE = ("largest_person", "not_merged_up")


@multi_asset_check(
    name=f"{Stage.IDENTITY}__gate",
    specs=[AssetCheckSpec(name, asset=_PERSON_MAP, blocking=True, description=text) for name, text in _CHECKS.items()],
)
def gate(workspace: Workspace) -> Iterator[AssetCheckResult]:
    """Judge the stored person map; one that passes is what the next run is compared with."""
    settings, limits = workspace.settings, workspace.dataset.identity
    figures, person_map = store.figures(settings), store.read(settings, "person_map")
    with workspace.warehouse() as connection:
        query = "select count(distinct record_id) from staging.stg_identifiers"
        records = connection.execute(query).fetchall()[0][0]
        before, after = (verdicts.order_totals(connection, joined) for joined in (None, person_map))
    found = {
        "largest_person": verdicts.largest_person(figures, limits),
        "not_merged_up": verdicts.not_merged_up(figures, limits),
        "steady": verdicts.steady(figures, store.accepted_figures(settings), limits),
        "each_record_once": verdicts.each_record_once(person_map, records),
        "one_person_per_key": verdicts.one_person_per_key(person_map),
        "orders_stay": verdicts.orders_stay(before, after),
    }
    if all(verdict.passed for verdict in found.values()):
        store.accept(settings, figures)
    for name, verdict in found.items():
        named = verdicts.largest_people(person_map) if name in _ABOUT_LARGE_PEOPLE and not verdict.passed else ""
        yield AssetCheckResult(
            asset_key=_PERSON_MAP,
            check_name=name,
            passed=verdict.passed,
            description=f"{verdict.sentence} {named}".rstrip(),
        )
