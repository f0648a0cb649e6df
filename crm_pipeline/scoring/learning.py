"""What the learners of all models share."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from threadpoolctl import threadpool_limits

from crm_pipeline.scoring.model import Floats


class KnownFeatures(TransformerMixin, BaseEstimator):
    """Drop the features that tell no two rows of the training apart, as those of a channel that the shop lacks."""

    def fit(self, matrix: Floats, labels: object = None) -> "KnownFeatures":
        """Remember which columns have more than one value, unknown being one."""
        first = matrix[:1]
        self.known_ = ~((matrix == first) | (np.isnan(matrix) & np.isnan(first))).all(axis=0)
        return self

    def transform(self, matrix: Floats) -> Floats:
        """Return the columns that told rows apart."""
        return matrix[:, self.known_]


def signed_log(values: Floats) -> Floats:
    """Return sign(v) log(1 + |v|): money and counts become comparable, negative margins stay negative."""
    return np.sign(values) * np.log1p(np.abs(values))


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold numeric libraries to one thread: the order of their sums, and so the last bits, would depend on it."""
    with threadpool_limits(limits=1):
        yield
