"""How far the person map is to be trusted, as tables that the Dagster UI shows. No value of a record is in them."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.identity.accuracy import pairwise_accuracy
from crm_pipeline.identity.figures import Figures

_BAR = 30


def sizes_table(figures: Figures) -> str:
    """Return how many people have how many records, as a Markdown table with bars."""
    most = max(figures.person_sizes.values(), default=1)
    rows = [
        f"| {size} | {people:,} | {'█' * max(1, round(people / most * _BAR))} |"
        for size, people in sorted(figures.person_sizes.items())
    ]
    return "\n".join(["| records | people | |", "|---:|---:|:---|", *rows])


def links_table(figures: Figures) -> str:
    """Return how many records are tied to their person by what, as a Markdown table."""
    rows = [
        f"| {kind.replace('_', ' ')} | {records:,} | {records / max(figures.records, 1):.1%} |"
        for kind, records in figures.linked_by.items()
    ]
    return "\n".join(["| strongest link | records | share |", "|:---|---:|---:|", *rows])


def joins_table(product_map: pa.Table) -> str:
    """Return how many products of sources are joined to others by what, as a Markdown table."""
    counted = product_map.group_by("joined_by").aggregate([([], "count_all")]).sort_by([("count_all", "descending")])
    rows = [f"| {joined_by} | {count:,} |" for joined_by, count in zip(*counted.to_pydict().values(), strict=True)]
    return "\n".join(["| joined by | products of sources |", "|:---|---:|", *rows])


def accuracy_table(maps: Mapping[str, pa.Table], truth: pa.Table) -> str:
    """Return the pairwise precision, recall and F1 of person maps against the truth, as a Markdown table.

    Customer records are counted by themselves as well: a guest who never gives the same address or number twice cannot
    be told from a stranger, by any method.
    """
    profiles = truth.filter(pc.match_substring(truth["record_id"], "|customer|"))
    rows = [
        f"| {name} | {which} | {found.records:,} | {found.precision:.4f} | {found.recall:.4f} | {found.f1:.4f} |"
        for which, known in (("customer records", profiles), ("all records", truth))
        for name, person_map in maps.items()
        for found in [pairwise_accuracy(person_map, known)]
    ]
    head = ["| links | over | records | precision | recall | F1 |", "|:---|:---|---:|---:|---:|---:|"]
    return "\n".join([*head, *rows])
