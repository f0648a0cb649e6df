"""The tables that the segmentation stores: who is in which persona, and what the personas are."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy.cluster.hierarchy import linkage

from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.segmentation import persona_features, persona_model, persona_names, persona_quality
from crm_pipeline.scoring.segmentation.persona_cuts import CUTS
from crm_pipeline.scoring.segmentation.persona_features import People
from crm_pipeline.scoring.segmentation.persona_model import Choice, Segmentation
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, Column, Mart, ScoreTable

PERSONAS = ScoreTable(
    "personas",
    "One row per buyer: persona, distance to its centre, niche.",
    (
        PERSON,
        AS_OF,
        Column.integer("persona_number", "Durable number of the persona."),
        Column.text("persona", "The persona: a name that says what sets its people apart."),
        Column.number("distance", "Distance to the middle of the persona, in standardised units."),
        Column.flag("is_outlier", "Whether the person lies far outside the persona."),
        Column.text("niche", "Name of the small dense group that the person belongs to, if any."),
        MODEL_VERSION,
    ),
    key=("customer_key",),
    models=("segmentation",),
)
PROFILES = ScoreTable(
    "persona_profiles",
    "One row per persona: its people and worth, and how well it is told from the others.",
    (
        AS_OF,
        Column.integer("persona_number", "Durable number of the persona.", required=True),
        Column.text("persona", "The persona: a name that says what sets its people apart.", required=True),
        Column.text("description", "What sets its people apart, in a sentence."),
        Column.integer("people", "Number of people.", required=True),
        Column.number("share", "Share of all people with a persona."),
        Column("revenue_12m", pa.decimal128(18, 2), "Revenue of the last 12 months."),
        Column("margin_12m", pa.decimal128(18, 2), "Margin of the last 12 months."),
        Column.number("revenue_share", "Share of all revenue of 12 months."),
        Column.number("margin_share", "Share of all margin of 12 months."),
        Column.number("silhouette", "Mean silhouette of its people, -1 to 1."),
        Column.number(
            "separation", "Distance to the nearest other centre, in mean distances of its people from their own."
        ),
        Column.number("jaccard", "How much of it refits on halves of the people find again, 0-1."),
        Column.number("explained", "Share of the variance that lies between personas."),
        Column.number("stability", "Mean adjusted Rand index of refits on halves of the people."),
        Column.number("stability_since_last", "Adjusted Rand index against the last run of an earlier date."),
    ),
    key=("persona_number",),
    mart=Mart("customers", name="persona_profile"),
)
TRAITS = ScoreTable(
    "persona_traits",
    "One row per persona and trait: its mean beside that of all people.",
    (
        AS_OF,
        Column.integer("persona_number", "Durable number of the persona.", required=True, refers_to="persona_profile"),
        Column.text("persona", "The persona: a name that says what sets its people apart.", required=True),
        Column.text("trait", "Feature, or category of products, in which people are compared.", required=True),
        Column.text("label", "The trait in plain words, with its unit.", required=True),
        Column.number(
            "mean", "Mean among the people of the persona of whom it is known; empty where it is known of none."
        ),
        Column.number("mean_of_all", "Mean among all people of whom it is known."),
        Column.number("difference", "How far the persona lies from the mean of all, in standard deviations."),
    ),
    key=("persona_number", "trait"),
    mart=Mart("customers"),
)
TREE = ScoreTable(
    "persona_tree",
    "One row per merge of two groups of personas, the most alike first: which could be one.",
    (
        AS_OF,
        Column.integer("step", "Number of the merge, 1 for the most alike.", required=True),
        Column.text("one", "A group, by the numbers of its personas, as in 1 + 4.", required=True),
        Column.text("other", "The group that it is merged with.", required=True),
        Column.number(
            "distance", "How far apart the two groups are (Ward, 1963), in standardised units.", required=True
        ),
        Column.integer("personas", "Number of personas in the merged group.", required=True),
    ),
    key=("step",),
    mart=Mart("customers"),
)
CHOICES = ScoreTable(
    "persona_choices",
    "One row per number of personas that was tried: what spoke for it.",
    (
        AS_OF,
        Column.integer("personas", "Number of personas.", required=True),
        Column.number("silhouette", "Mean silhouette of all people, -1 to 1.", required=True),
        Column.number("stability", "Mean adjusted Rand index of refits on halves of the people.", required=True),
        Column.flag(
            "is_chosen", "Whether a new segmentation would have so many; the one in use may be older.", required=True
        ),
    ),
    key=("personas",),
    mart=Mart("customers"),
)
TABLES = (PERSONAS, PROFILES, TRAITS, TREE, CHOICES, CUTS, persona_quality.MIGRATION)


def empty() -> dict[str, pa.Table]:
    """Return all tables without rows."""
    return {table.name: table.empty() for table in TABLES}


def profiles(
    connection: duckdb.DuckDBPyConnection,
    segmentation: Segmentation,
    placed: pa.Table,
    people: People,
    quality: persona_quality.Quality,
    before: pa.Table,
) -> pa.Table:
    """Return one row per persona: its people, their worth, what sets them apart, and how good the persona is."""
    as_of = placed["as_of_date"][0].as_py()
    connection.register("placed", placed.select(["customer_key", "persona_number"]))
    worth = connection.sql(
        "select persona_number, count(*) as people, sum(revenue_12m)::decimal(18, 2) as revenue_12m, "
        "sum(margin_12m)::decimal(18, 2) as margin_12m from placed join features.customer_features as features "
        "on features.customer_key = placed.customer_key and features.as_of_date = $as_of "
        "group by persona_number",
        params={"as_of": as_of},
    ).to_arrow_table()
    connection.unregister("placed")
    found = {row["persona_number"]: row for row in worth.to_pylist()}
    nobody = {"people": 0, "revenue_12m": 0, "margin_12m": 0}
    totals = {name: sum(row[name] for row in found.values()) for name in nobody}
    means, everybody, apart = _means(segmentation, people)
    listed = persona_features.traits(segmentation.space.columns)
    rows = []
    for place, persona in enumerate(segmentation.ids):
        row: dict[str, Any] = found.get(persona, nobody)
        rows.append(
            {
                **row,
                "as_of_date": as_of,
                "persona_number": persona,
                "persona": segmentation.names[persona],
                "description": persona_names.describe(apart[place], means[place], everybody, listed),
                "share": row["people"] / totals["people"],
                "revenue_share": _share(row["revenue_12m"], totals["revenue_12m"]),
                "margin_share": _share(row["margin_12m"], totals["margin_12m"]),
                "silhouette": quality.silhouette[place],
                "separation": quality.separation[place],
                "jaccard": quality.jaccard[place],
                "explained": quality.explained,
                "stability": quality.stability,
                "stability_since_last": persona_quality.agreement(before, placed),
            }
        )
    return pa.Table.from_pylist(rows, schema=PROFILES.schema)


def traits(segmentation: Segmentation, people: People, as_of: date) -> pa.Table:
    """Return one row per persona and trait: its mean there and among all, and their difference in deviations."""
    means, everybody, apart = _means(segmentation, people)
    rows = [
        {
            "as_of_date": as_of,
            "persona_number": persona,
            "persona": segmentation.names[persona],
            "trait": trait.name,
            "label": trait.label,
            "mean": _known(means[place, column]),
            "mean_of_all": _known(everybody[column]),
            "difference": apart[place, column],
        }
        for place, persona in enumerate(segmentation.ids)
        for column, trait in enumerate(persona_features.traits(segmentation.space.columns))
    ]
    return pa.Table.from_pylist(rows, schema=TRAITS.schema)


def tree(segmentation: Segmentation, as_of: date) -> pa.Table:
    """Return the merges of the personas' centroids by Ward's method (1963), the most alike first.

    A merged group is named by its personas, as in `1 + 4`.
    """
    groups = [[persona] for persona in segmentation.ids]
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
                "personas": size,
            }
        )
    return pa.Table.from_pylist(rows, schema=TREE.schema)


def choices(measured: Sequence[Choice], as_of: date) -> pa.Table:
    """Return one row per number of personas that was tried; none where none was."""
    chosen = persona_model.best(measured) if measured else None
    rows = [
        {
            "as_of_date": as_of,
            "personas": choice.personas,
            "silhouette": choice.silhouette,
            "stability": choice.stability,
            "is_chosen": choice.personas == chosen,
        }
        for choice in measured
    ]
    return pa.Table.from_pylist(rows, schema=CHOICES.schema)


def _means(segmentation: Segmentation, people: People) -> tuple[Floats, Floats, Floats]:
    """Return the traits' means by persona and among everybody, in their own units, and the differences in deviations.

    A mean is NaN where the trait is known of nobody.
    """
    plain = np.ma.masked_invalid(np.hstack([people.features, persona_features.shares(people)]))
    labels, _ = segmentation.assign(people)
    by_persona = [plain[labels == persona].mean(axis=0) for persona in segmentation.ids]
    means = np.array([np.ma.filled(mean.astype(float), np.nan) for mean in by_persona])
    apart = persona_model.profile(people, segmentation.space, labels, segmentation.ids)
    return means, np.ma.filled(plain.mean(axis=0).astype(float), np.nan), apart


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None
