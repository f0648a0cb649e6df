"""K-Means personas: how many, where they are, and which of them are those of an earlier version.

A persona's id outlives refits: personas of a new fit take the ids of the earlier ones nearest to them (Hungarian
algorithm), and only a persona that is near to none gets a new id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.segmentation.persona_features import FeatureSpace, Ints, People, scaled, traits

FEWEST, MOST = 4, 10
"""Fewer personas say less than a split by value; more are not told apart by those who work with them."""
CHOICE_PEOPLE = 5_000
"""The silhouette compares everybody with everybody: it is measured on at most this many."""
REFITS = 5
STARTS, REFIT_STARTS = 10, 3
TOLERANCE = 0.02
"""Among numbers of personas, one this little (as a share) below the best counts as equally good."""
BETTER = 0.05
"""A refit replaces the stored personas when its silhouette is higher by at least this."""


@dataclass(frozen=True)
class Choice:
    """How good a number of personas is: silhouette, and adjusted Rand index between fits on halves of the people."""

    personas: int
    silhouette: float
    stability: float

    @property
    def merit(self) -> float:
        """Silhouette times stability, rounded so that last bits never decide."""
        return round(self.silhouette * max(self.stability, 0.0), 6)


@dataclass(frozen=True)
class Segmentation:
    """Fitted personas; scoring needs nothing else.

    Attributes:
        space: where people stand.
        centroids: one row per persona, in the space.
        ids: durable id of each centroid, ascending.
        names: persona by id, also of personas that are no more.
        profile: mean of each trait by persona, on the scale of `persona_features.scaled`.
        deviation: standard deviation of each trait among everybody.
        traits: names of the traits.
    """

    space: FeatureSpace
    centroids: Floats
    ids: tuple[int, ...]
    names: Mapping[int, str]
    profile: Floats
    deviation: Floats
    traits: tuple[str, ...]

    def assign(self, people: People) -> tuple[Ints, Floats]:
        """Return each person's persona id and the distance to its centroid; a tie goes to the lower id."""
        distances = cdist(self.space.place(people), self.centroids)
        nearest = np.round(distances, 9).argmin(axis=1)
        return np.array(self.ids)[nearest], distances[np.arange(len(people)), nearest]


def choose(points: Floats, seed: int) -> tuple[Choice, ...]:
    """Return how good each number of personas is, on at most `CHOICE_PEOPLE` people spread evenly over the rows."""
    chosen = points[np.linspace(0, len(points) - 1, min(len(points), CHOICE_PEOPLE)).astype(np.int64)]
    most = min(MOST, len(chosen) // 50, distinct(chosen))
    return tuple(_choice(chosen, personas, seed) for personas in range(FEWEST, most + 1))


def distinct(points: Floats) -> int:
    """Return how many different places the people stand at."""
    return len(np.unique(np.round(points, 6), axis=0))


def best(choices: Sequence[Choice]) -> int:
    """Return the smallest number of personas whose merit is within the tolerance of the best."""
    highest = max(choice.merit for choice in choices)
    return min(choice.personas for choice in choices if choice.merit >= highest * (1 - TOLERANCE))


def fit(people: People, space: FeatureSpace, personas: int, seed: int) -> Segmentation:
    """Return so many personas of a sample of people, the largest first, without names."""
    points = space.place(people)
    with one_thread():
        found = KMeans(personas, n_init=STARTS, random_state=seed).fit(points)
    order = np.argsort(-np.bincount(found.labels_, minlength=personas), kind="stable")
    labels = np.argsort(order)[found.labels_]
    ids = tuple(range(1, personas + 1))
    mean, deviation = _everybody(people, space)
    return Segmentation(
        space,
        found.cluster_centers_[order],
        ids,
        {},
        mean + deviation * profile(people, space, labels + 1, ids),
        deviation,
        tuple(trait.name for trait in traits(space.columns)),
    )


def with_ids_of(fresh: Segmentation, earlier: Segmentation) -> Segmentation:
    """Return the fresh personas with the ids and names of the earlier ones that they continue.

    Profiles are compared on the traits that both versions know. A pair is the same persona if it is nearer than half
    the smallest distance between two earlier personas; other personas get ids that were never used.
    """
    shared = [name for name in earlier.traits if name in fresh.traits]
    ruler = earlier.deviation[[earlier.traits.index(name) for name in shared]]
    new, old = (
        version.profile[:, [version.traits.index(name) for name in shared]] / ruler for version in (fresh, earlier)
    )
    distances = cdist(new, old)
    apart = cdist(old, old)[~np.eye(len(old), dtype=bool)].min(initial=np.inf)
    pairs = zip(*linear_sum_assignment(distances), strict=True)
    ids = {int(row): earlier.ids[column] for row, column in pairs if distances[row, column] < apart / 2}
    unused = 1 + max([*earlier.names, *earlier.ids])
    for row in range(len(fresh.ids)):
        if row not in ids:
            ids[row], unused = unused, unused + 1
    order = sorted(ids, key=lambda row: ids[row])
    return replace(
        fresh,
        centroids=fresh.centroids[order],
        ids=tuple(ids[row] for row in order),
        names=earlier.names,
        profile=fresh.profile[order],
    )


def is_better(fresh: Segmentation, earlier: Segmentation, people: People, seen_earlier: People) -> bool:
    """Tell whether a refit separates people clearly better than the earlier personas, seen in the refit's space.

    Args:
        fresh: the refit.
        earlier: the personas in use.
        people: a sample in the columns of the refit.
        seen_earlier: the same people in the columns of the earlier personas.
    """
    points = fresh.space.place(people)
    rows = np.linspace(0, len(people) - 1, min(len(people), CHOICE_PEOPLE)).astype(np.int64)
    new, old = (labels[rows] for labels in (fresh.assign(people)[0], earlier.assign(seen_earlier)[0]))
    return silhouette(points[rows], new) >= silhouette(points[rows], old) + BETTER


def silhouette(points: Floats, labels: Ints) -> float:
    """Return the mean silhouette (-1 to 1; Rousseeuw, 1987); -1 where everybody is in one persona."""
    with one_thread():
        return float(silhouette_score(points, labels)) if len(np.unique(labels)) > 1 else -1.0


def profile(people: People, space: FeatureSpace, labels: Ints, ids: Sequence[int]) -> Floats:
    """Return `differences` of the people of each persona, in the order of the ids."""
    return np.array([differences(people, space, labels == persona) for persona in ids])


def differences(people: People, space: FeatureSpace, members: npt.NDArray[np.bool_]) -> Floats:
    """Return the mean of each trait of some people in standard deviations from everybody's; 0 where none is known."""
    values = scaled(people, space.columns)
    mean, deviation = _everybody(people, space)
    known = ~np.isnan(values[members])
    apart = np.where(known, values[members] - mean, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return apart / deviation


def refits(points: Floats, personas: int, seed: int) -> list[Ints]:
    """Return the labels of everybody by fits on random halves of the people."""
    random = np.random.default_rng(seed)
    labels = []
    with one_thread():
        for refit in range(REFITS):
            half = np.sort(random.choice(len(points), len(points) // 2, replace=False))
            labels.append(
                KMeans(personas, n_init=REFIT_STARTS, random_state=seed + refit).fit(points[half]).predict(points)
            )
    return labels


def _choice(points: Floats, personas: int, seed: int) -> Choice:
    with one_thread():
        whole = KMeans(personas, n_init=STARTS, random_state=seed).fit_predict(points)
    stability = np.mean([adjusted_rand_score(whole, labels) for labels in refits(points, personas, seed)])
    return Choice(personas, silhouette(points, whole), float(stability))


def _everybody(people: People, space: FeatureSpace) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each trait among those of whom it is known."""
    values = np.ma.masked_invalid(scaled(people, space.columns))
    mean, deviation = (np.ma.filled(one.astype(float), 0.0) for one in (values.mean(axis=0), values.std(axis=0)))
    return mean, np.maximum(deviation, 1e-9)
