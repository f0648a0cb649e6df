"""The tables that the segmentation stores: who is in which segment, and what the segments are."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy.cluster.hierarchy import linkage

from crm_pipeline.scoring.frame import Floats
from crm_pipeline.scoring.segments import personas, segment_features, segment_model, segment_quality
from crm_pipeline.scoring.segments.segment_cuts import CUTS_SCHEMA
from crm_pipeline.scoring.segments.segment_features import People
from crm_pipeline.scoring.segments.segment_model import Choice, Segmentation

_KEY = [("customer_key", pa.int64()), ("as_of_date", pa.date32())]
_SEGMENT = [("as_of_date", pa.date32()), ("segment_id", pa.int64()), ("persona", pa.string())]
SEGMENTS_SCHEMA = pa.schema(
    [
        *_KEY,
        ("segment_id", pa.int64()),
        ("persona", pa.string()),
        ("distance", pa.float64()),
        ("is_outlier", pa.bool_()),
        ("niche", pa.string()),
        ("model_version", pa.string()),
    ]
)
PROFILES_SCHEMA = pa.schema(
    [
        *_SEGMENT,
        ("description", pa.string()),
        ("people", pa.int64()),
        ("share", pa.float64()),
        ("revenue_12m", pa.decimal128(18, 2)),
        ("margin_12m", pa.decimal128(18, 2)),
        ("revenue_share", pa.float64()),
        ("margin_share", pa.float64()),
        ("silhouette", pa.float64()),
        ("separation", pa.float64()),
        ("jaccard", pa.float64()),
        ("explained", pa.float64()),
        ("stability", pa.float64()),
        ("stability_since_last", pa.float64()),
    ]
)
TRAITS_SCHEMA = pa.schema(
    [
        *_SEGMENT,
        ("trait", pa.string()),
        ("label", pa.string()),
        ("mean", pa.float64()),
        ("mean_of_all", pa.float64()),
        ("difference", pa.float64()),
    ]
)
TREE_SCHEMA = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("step", pa.int64()),
        ("one", pa.string()),
        ("other", pa.string()),
        ("distance", pa.float64()),
        ("segments", pa.int64()),
    ]
)
CHOICES_SCHEMA = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("segments", pa.int64()),
        ("silhouette", pa.float64()),
        ("stability", pa.float64()),
        ("is_chosen", pa.bool_()),
    ]
)
SCHEMAS: Mapping[str, pa.Schema] = {
    "segments": SEGMENTS_SCHEMA,
    "segment_profiles": PROFILES_SCHEMA,
    "segment_traits": TRAITS_SCHEMA,
    "segment_tree": TREE_SCHEMA,
    "segment_choices": CHOICES_SCHEMA,
    "segment_cuts": CUTS_SCHEMA,
    "segment_migration": segment_quality.MIGRATION_SCHEMA,
}


def empty() -> dict[str, pa.Table]:
    """Return all tables without rows."""
    return {name: schema.empty_table() for name, schema in SCHEMAS.items()}


def profiles(
    connection: duckdb.DuckDBPyConnection,
    segmentation: Segmentation,
    placed: pa.Table,
    people: People,
    quality: segment_quality.Quality,
    before: pa.Table,
) -> pa.Table:
    """Return one row per segment: its people, their worth, what sets them apart, and how good the segment is."""
    as_of = placed["as_of_date"][0].as_py()
    connection.register("placed", placed.select(["customer_key", "segment_id"]))
    worth = connection.sql(
        "select segment_id, count(*) as people, sum(revenue_12m)::decimal(18, 2) as revenue_12m, "
        "sum(margin_12m)::decimal(18, 2) as margin_12m from placed join features.customer_features as features "
        "on features.customer_key = placed.customer_key and features.as_of_date = $as_of "
        "group by segment_id",
        params={"as_of": as_of},
    ).to_arrow_table()
    connection.unregister("placed")
    found = {row["segment_id"]: row for row in worth.to_pylist()}
    nobody = {"people": 0, "revenue_12m": 0, "margin_12m": 0}
    totals = {name: sum(row[name] for row in found.values()) for name in nobody}
    means, everybody, apart = _means(segmentation, people)
    listed = segment_features.traits(segmentation.space.columns)
    rows = []
    for place, segment in enumerate(segmentation.ids):
        row: dict[str, Any] = found.get(segment, nobody)
        rows.append(
            {
                **row,
                "as_of_date": as_of,
                "segment_id": segment,
                "persona": segmentation.names[segment],
                "description": personas.describe(apart[place], means[place], everybody, listed),
                "share": row["people"] / totals["people"],
                "revenue_share": _share(row["revenue_12m"], totals["revenue_12m"]),
                "margin_share": _share(row["margin_12m"], totals["margin_12m"]),
                "silhouette": quality.silhouette[place],
                "separation": quality.separation[place],
                "jaccard": quality.jaccard[place],
                "explained": quality.explained,
                "stability": quality.stability,
                "stability_since_last": segment_quality.agreement(before, placed),
            }
        )
    return pa.Table.from_pylist(rows, schema=PROFILES_SCHEMA)


def traits(segmentation: Segmentation, people: People, as_of: date) -> pa.Table:
    """Return one row per segment and trait: its mean there and among all, and their difference in deviations."""
    means, everybody, apart = _means(segmentation, people)
    rows = [
        {
            "as_of_date": as_of,
            "segment_id": segment,
            "persona": segmentation.names[segment],
            "trait": trait.name,
            "label": trait.label,
            "mean": _known(means[place, column]),
            "mean_of_all": _known(everybody[column]),
            "difference": apart[place, column],
        }
        for place, segment in enumerate(segmentation.ids)
        for column, trait in enumerate(segment_features.traits(segmentation.space.columns))
    ]
    return pa.Table.from_pylist(rows, schema=TRAITS_SCHEMA)


def tree(segmentation: Segmentation, as_of: date) -> pa.Table:
    """Return the merges of the segments' centroids by Ward's method (1963), the most alike first.

    A merged group is named by its segments, as in `1 + 4`.
    """
    groups = [[segment] for segment in segmentation.ids]
    rows = []
    for step, (one, other, distance, size) in enumerate(linkage(segmentation.centroids, "ward"), start=1):
        pair = sorted([groups[int(one)], groups[int(other)]])
        groups.append(sorted(pair[0] + pair[1]))
        named = [" + ".join(map(str, group)) for group in pair]
        rows.append(
            {
                "as_of_date": as_of,
                "step": step,
                "one": named[0],
                "other": named[1],
                "distance": distance,
                "segments": size,
            }
        )
    return pa.Table.from_pylist(rows, schema=TREE_SCHEMA)


def choices(measured: Sequence[Choice], as_of: date) -> pa.Table:
    """Return one row per number of segments that was tried; none where none was."""
    chosen = segment_model.best(measured) if measured else None
    rows = [vars(choice) | {"as_of_date": as_of, "is_chosen": choice.segments == chosen} for choice in measured]
    return pa.Table.from_pylist(rows, schema=CHOICES_SCHEMA)


def _means(segmentation: Segmentation, people: People) -> tuple[Floats, Floats, Floats]:
    """Return the traits' means by segment and among everybody, in their own units, and the differences in deviations.

    A mean is NaN where the trait is known of nobody.
    """
    plain = np.ma.masked_invalid(np.hstack([people.features, segment_features.shares(people)]))
    labels, _ = segmentation.assign(people)
    by_segment = [plain[labels == segment].mean(axis=0) for segment in segmentation.ids]
    means = np.array([np.ma.filled(mean.astype(float), np.nan) for mean in by_segment])
    apart = segment_model.profile(people, segmentation.space, labels, segmentation.ids)
    return means, np.ma.filled(plain.mean(axis=0).astype(float), np.nan), apart


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None
