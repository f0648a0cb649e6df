"""How good personas are: size, difference, stability, and how people move between them from month to month."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.segmentation import persona_model
from crm_pipeline.scoring.segmentation.persona_features import Ints
from crm_pipeline.scoring.table import Column, Mart, ScoreTable

SMALLEST_SHARE, LARGEST_SHARE = 0.01, 0.7
LEAST_STABILITY = 0.7
NO_GROUP = "no_recent_order"
MIGRATION = ScoreTable(
    "group_migration",
    "One row per kind of groups, pair of dates and pair of groups: how many people moved from one to the other.",
    (
        Column.text("kind", "segment (of RFM) or persona.", required=True),
        Column.day("from_on", "The earlier date.", required=True),
        Column.day("to_on", "The later date.", required=True),
        Column.text(
            "from_group", "Segment or persona at the earlier date; no_recent_order for those who came.", required=True
        ),
        Column.text(
            "to_group", "Segment or persona at the later date; no_recent_order for those who went.", required=True
        ),
        Column.integer("people", "Number of people.", required=True),
    ),
    key=("kind", "from_on", "to_on", "from_group", "to_group"),
    mart=Mart("customers", until="to_on"),
)


@dataclass(frozen=True)
class Quality:
    """Figures of the personas, in the order of their ids.

    Attributes:
        silhouette: mean by persona, -1 to 1 (Rousseeuw, 1987).
        separation: distance to the nearest other centroid, in mean distances of its people from their own.
        jaccard: mean over refits on halves of the people of the best Jaccard index of any of their clusters with the
            persona, 0 to 1 (Hennig, 2007, doi:10.1016/j.csda.2006.11.025).
        stability: mean adjusted Rand index of those refits with the personas.
        explained: share of the variance of people's places that lies between personas, 0 to 1.
    """

    silhouette: Floats
    separation: Floats
    jaccard: Floats
    stability: float
    explained: float


def measure(points: Floats, places: Ints, centroids: Floats, seed: int) -> Quality:
    """Return the quality of personas on a sample of people; `places` are rows of the centroids."""
    rows = np.linspace(0, len(points) - 1, min(len(points), persona_model.CHOICE_PEOPLE)).astype(np.int64)
    points, places = points[rows], places[rows]
    personas = len(centroids)
    with one_thread():
        silhouettes = silhouette_samples(points, places) if len(np.unique(places)) > 1 else np.full(len(points), -1.0)
    own = np.linalg.norm(points - centroids[places], axis=1)
    between = cdist(centroids, centroids) + np.diag(np.full(personas, np.inf))
    again = persona_model.refits(points, personas, seed)
    return Quality(
        _means(silhouettes, places, personas),
        between.min(axis=1) / np.maximum(_means(own, places, personas), 1e-9),
        np.mean([_best_jaccard(places, labels, personas) for labels in again], axis=0),
        float(np.mean([adjusted_rand_score(places, labels) for labels in again])),
        1 - float((own**2).sum() / ((points - points.mean(axis=0)) ** 2).sum()),
    )


def explained_variance(values: Floats, groups: npt.NDArray[np.generic]) -> float:
    """Return epsilon squared: the share of the variance between groups, less what chance gives (Kelley, 1935).

    Unlike eta squared, it does not grow with the mere number of groups; it may fall below 0.
    """
    _, group = np.unique(groups, return_inverse=True)
    people, number = np.bincount(group), group.max() + 1
    means = np.bincount(group, weights=values) / people
    within = float(((values - means[group]) ** 2).sum())
    total = float(((values - values.mean()) ** 2).sum())
    return float(1 - (within / (len(values) - number)) / (total / (len(values) - 1))) if total > 0 else 0.0


def agreement(before: pa.Table, after: pa.Table) -> float | None:
    """Return the adjusted Rand index of two tables `personas` on the people in both; None where nobody is."""
    _, then, now = np.intersect1d(before["customer_key"], after["customer_key"], return_indices=True)
    labels = (table["persona_number"].to_numpy()[rows] for table, rows in ((before, then), (after, now)))
    return float(adjusted_rand_score(*labels)) if len(then) else None


def complaints(profiles: pa.Table) -> list[str]:
    """Return what is wrong with a table `persona_profiles`, in sentences that say what to do."""
    found = []
    for row in profiles.to_pylist():
        title = f"Persona {row['persona_number']} ({row['persona']})"
        if not SMALLEST_SHARE <= row["share"] <= LARGEST_SHARE:
            found.append(f"{title} has {row['share']:.1%} of the people; look at the choice of the number of personas.")
        if row["jaccard"] < LEAST_STABILITY:
            found.append(f"{title} comes back in refits by only {row['jaccard']:.2f}; do not act on it alone.")
        if row["silhouette"] < 0:
            found.append(f"{title} does not differ: its people are nearer to another persona's; use fewer of them.")
    return found


def migration(kind: str, column: str, before: pa.Table, after: pa.Table) -> pa.Table:
    """Return how many people moved from which group to which between two score tables, those who stayed included.

    Args:
        kind: of groups: `segment` or `persona`.
        column: that names a person's group.
        before: the earlier table: customer_key, as_of_date and the column.
        after: the later one. Who is in one table only is in `NO_GROUP` of the other.
    """
    if not len(before) or not len(after):
        return MIGRATION.empty()
    dates = [table["as_of_date"][0].as_py() for table in (before, after)]
    with duckdb.connect() as connection:
        for name, table in (("before", before), ("after", after)):
            connection.register(name, table.select(["customer_key", column]))
        moved = connection.sql(
            f"""
            select $kind as kind, $from_on::date as from_on, $to_on::date as to_on,
                coalesce(earlier.{column}::varchar, '{NO_GROUP}') as from_group,
                coalesce(later.{column}::varchar, '{NO_GROUP}') as to_group, count(*) as people
            from before as earlier full join after as later on earlier.customer_key = later.customer_key
            group by all order by all
            """,
            params={"kind": kind, "from_on": dates[0], "to_on": dates[1]},
        ).to_arrow_table()
    return moved.cast(MIGRATION.schema)


def _means(values: Floats, places: Ints, personas: int) -> Floats:
    people = np.bincount(places, minlength=personas)
    means: Floats = np.bincount(places, weights=values, minlength=personas) / np.maximum(people, 1)
    return means


def _best_jaccard(places: Ints, labels: Ints, personas: int) -> Sequence[float]:
    shared = np.zeros((personas, personas))
    np.add.at(shared, (places, labels), 1)
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0) - shared
    best: Sequence[float] = (shared / np.maximum(union, 1)).max(axis=1)
    return best
