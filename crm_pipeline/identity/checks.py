"""The gate behind the identity stage: are the maps plausible, and do they leave orders and their lines alone?"""

from collections.abc import Iterator

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey, multi_asset_check

from crm_pipeline.identity import product_verdicts, store, verdicts
from crm_pipeline.identity.overrides import PRODUCT_OVERRIDES_FILE, read_overrides
from crm_pipeline.identity.products import unknown_products
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

_PRODUCT_MAP = AssetKey([Stage.IDENTITY.value, "product_map"])
_NAMED_BY_HAND = "named_by_hand"
_PRODUCT_CHECKS = {
    "each_product_once": "Each product of a source is exactly one product, so that no join loses or doubles a line.",
    "lines_stay": "Order lines, units and revenue are the same before and after they are joined to their products.",
    _NAMED_BY_HAND: "Each product that is named by hand is one that a source delivers.",
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


@multi_asset_check(
    name=f"{Stage.IDENTITY}__product_gate",
    specs=[
        AssetCheckSpec(name, asset=_PRODUCT_MAP, blocking=name != _NAMED_BY_HAND, description=text)
        for name, text in _PRODUCT_CHECKS.items()
    ],
)
def product_gate(workspace: Workspace) -> Iterator[AssetCheckResult]:
    """Judge the stored product map."""
    product_map = store.read(workspace.settings, "product_map")
    overrides = read_overrides(workspace.dataset.folder, PRODUCT_OVERRIDES_FILE)
    with workspace.warehouse() as connection:
        found = {
            "each_product_once": product_verdicts.each_product_once(connection, product_map),
            "lines_stay": product_verdicts.lines_stay(connection, product_map),
            _NAMED_BY_HAND: product_verdicts.named_by_hand(
                unknown_products(connection, overrides), PRODUCT_OVERRIDES_FILE
            ),
        }
    for name, verdict in found.items():
        yield AssetCheckResult(
            asset_key=_PRODUCT_MAP,
            check_name=name,
            passed=verdict.passed,
            severity=AssetCheckSeverity.WARN if name == _NAMED_BY_HAND else AssetCheckSeverity.ERROR,
            description=verdict.sentence,
        )
