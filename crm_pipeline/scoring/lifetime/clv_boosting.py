"""A gradient boosting challenger: by which factor people's margins differed from what the value model expected.

The trees see purchases and contacts at earlier origins, and the margin of the horizon after each. They learn the ratio
of actual to expected margin under Poisson loss, weighted with the expectation: the same as a Poisson regression with
the logarithm of the expectation as offset, so that few people are enough and where nothing is to be learnt the factor
is 1. A negative margin of the horizon counts as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

from crm_pipeline.scoring.learning import KnownFeatures, one_thread
from crm_pipeline.scoring.lifetime.clv_value import ValueModel
from crm_pipeline.scoring.lifetime.purchases import People
from crm_pipeline.scoring.model import Floats, SchemaMismatchError

FEATURES = (
    "expected_orders", "order_value", "p_alive", "x", "age_days", "recency_days", "occasions_365d", "occasions_90d",
    "margin_365d", "margin_90d", "margin_per_occasion", "contact_days", "visit_days", "ticket_days", "contacts_90d",
    "tickets", "contact_after_order", "ticket_after_order",
)  # fmt: skip
MIN_ROWS = 300
FOLDS = 5
LEAST_SHARE = 0.03
"""The trees learn from an expected margin of at least this share of the mean. From next to nothing to a single order is
a factor of thousands, and one step of a tree towards that factor cannot be taken back by the others."""
_LEAST = 1e-3


@dataclass(frozen=True)
class Sample:
    """People at an origin: their features, their expected margin of the horizon, and what came; in that order."""

    features: Floats
    expected: Floats
    actual: Floats


@dataclass(frozen=True)
class Booster:
    """The fitted trees; without any, every factor is 1."""

    trees: Pipeline | None
    features: tuple[str, ...] = FEATURES

    def factor(self, features: Floats) -> Floats:
        """Return by what to multiply each person's expected margin; nothing is refitted.

        Raises:
            SchemaMismatchError: if the trees were fitted on other features.
        """
        if self.features != FEATURES:
            raise SchemaMismatchError(f"The model was trained on other features: {', '.join(self.features)}.")
        if self.trees is None:
            return np.ones(len(features))
        with one_thread():
            return np.array(self.trees.predict(features), dtype=np.float64)


def feature_matrix(people: People, model: ValueModel, days: float) -> Floats:
    """Return FEATURES in their order, rounded so that the last bits of an average never decide a split."""
    recency = people.age - people.t_x
    columns = (
        model.expected_orders(people, days), model.order_value(people),
        model.orders.p_alive(people.x, people.t_x, people.age), people.x, people.age, recency, people.occasions_365d,
        people.occasions_90d, people.margin_365d, people.margin_90d, people.margin_historic / (people.x + 1),
        people.contact_days, people.visit_days, people.ticket_days, people.contacts_90d, people.tickets,
        recency - people.contact_days, recency - people.ticket_days,
    )  # fmt: skip
    return np.column_stack(columns).astype(np.float64).round(6)


def fit(samples: Sequence[Sample], seed: int) -> Booster:
    """Fit the trees to all samples together; too few rows give a booster without trees."""
    if sum(len(sample.actual) for sample in samples) < MIN_ROWS:
        return Booster(None)
    features = np.concatenate([sample.features for sample in samples])
    expected = np.concatenate([sample.expected for sample in samples])
    expected = np.maximum(expected, max(LEAST_SHARE * float(expected.mean()), _LEAST))
    actual = np.maximum(np.concatenate([sample.actual for sample in samples]), 0.0)
    if not actual.any():
        return Booster(None)
    trees = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=60,
        max_leaf_nodes=4,
        max_bins=63,
        learning_rate=0.05,
        min_samples_leaf=40,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    with one_thread():
        pipeline = Pipeline([("known", KnownFeatures()), ("trees", trees)])
        pipeline.fit(features, actual / expected, trees__sample_weight=expected)
    return Booster(pipeline)


def out_of_fold_factors(sample: Sample, seed: int) -> Floats:
    """Return each person's factor by trees that have not seen them."""
    factors = np.ones(len(sample.actual))
    for seen, unseen in KFold(FOLDS, shuffle=True, random_state=seed).split(sample.features):
        part = Sample(sample.features[seen], sample.expected[seen], sample.actual[seen])
        factors[unseen] = fit([part], seed).factor(sample.features[unseen])
    return factors
