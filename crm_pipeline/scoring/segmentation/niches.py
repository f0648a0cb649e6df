"""Niches: small dense groups inside and between the personas, found by HDBSCAN (Campello, Moulavi and Sander, 2013)."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import HDBSCAN

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.segmentation.persona_features import Ints

FIT_PEOPLE = 10_000
SMALLEST_SHARE, LARGEST_SHARE = 0.005, 0.1
"""A denser group of fewer people than this is chance; one of more is no niche but a part of the middle."""
FEWEST_PEOPLE = 20
PURITY = 0.8
"""Of the people within a niche's radius, at least this share belongs to its dense group."""


@dataclass(frozen=True)
class Niches:
    """The middle person of each niche and how far it reaches; niche 1 is the largest."""

    medoids: Floats
    radii: Floats

    def assign(self, points: Floats) -> Ints:
        """Return the number of the nearest niche within whose radius each person stands, 0 where there is none."""
        if not len(self.medoids):
            return np.zeros(len(points), dtype=np.int64)
        reach = np.round(cdist(points, self.medoids) / self.radii, 9)
        nearest = reach.argmin(axis=1)
        return np.where(reach[np.arange(len(points)), nearest] <= 1, nearest + 1, 0)


def fit(points: Floats) -> Niches:
    """Return the niches of at most `FIT_PEOPLE` people spread evenly over the rows."""
    chosen = points[np.linspace(0, len(points) - 1, min(len(points), FIT_PEOPLE)).astype(np.int64)]
    fewest = max(FEWEST_PEOPLE, int(SMALLEST_SHARE * len(chosen)))
    if len(chosen) < 2 * fewest:
        return Niches(np.empty((0, points.shape[1])), np.empty(0))
    with one_thread():
        found = HDBSCAN(min_cluster_size=fewest, min_samples=10, store_centers="medoid", copy=True).fit(chosen)
    sizes = np.bincount(found.labels_ + 1, minlength=len(found.medoids_) + 1)[1:]
    radii = np.array([_radius(chosen, found.labels_ == one, medoid) for one, medoid in enumerate(found.medoids_)])
    kept = [
        one for one in np.argsort(-sizes, kind="stable") if sizes[one] <= LARGEST_SHARE * len(chosen) and radii[one] > 0
    ]
    return Niches(found.medoids_.reshape(-1, points.shape[1])[kept], radii.reshape(-1)[kept])


def _radius(points: Floats, members: np.typing.NDArray[np.bool_], medoid: Floats) -> float:
    """Return how far the farthest member is within whose distance enough people are members; 0 where too few are."""
    distances = cdist(points, medoid[None])[:, 0]
    order = np.argsort(np.round(distances, 9), kind="stable")
    found = np.cumsum(members[order])
    is_pure = found >= PURITY * np.arange(1, len(order) + 1)
    pure = np.flatnonzero(is_pure & members[order] & (found >= FEWEST_PEOPLE // 2))
    return float(distances[order[pure[-1]]]) if len(pure) else 0.0
