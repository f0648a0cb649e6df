"""Classifiers for yes/no outcomes: candidates, a calibrated model that never refits when it scores, and metrics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from crm_pipeline.scoring.frame import Floats

Labels = npt.NDArray[np.int64]
FOREST_ROWS = 20_000
"""A random forest's trees each see at most this many rows: its time grows with them, its ranking hardly does."""


class SchemaMismatchError(Exception):
    """The features to score are not those that the model was trained on."""


class KnownFeatures(TransformerMixin, BaseEstimator):
    """Drop the features that no row of the training knows, as those of a channel that the shop does not have."""

    def fit(self, matrix: Floats, labels: object = None) -> "KnownFeatures":
        """Remember which columns have a value anywhere."""
        self.known_ = ~np.isnan(matrix).all(axis=0)
        return self

    def transform(self, matrix: Floats) -> Floats:
        """Return the columns that the training knew."""
        return matrix[:, self.known_]


def signed_log(values: Floats) -> Floats:
    """Return sign(v) log(1 + |v|): money and counts become comparable, negative margins stay negative."""
    return np.sign(values) * np.log1p(np.abs(values))


def logistic_regression(seed: int, rows: int, threads: int) -> Pipeline:  # noqa: ARG001
    """Return a logistic regression on logged, scaled features; unknown values get the median and a flag."""
    return Pipeline(
        [
            ("known", KnownFeatures()),
            ("impute", SimpleImputer(strategy="median", add_indicator=True)),
            ("log", FunctionTransformer(signed_log)),
            ("scale", StandardScaler()),
            ("model", LogisticRegression(C=1.0, max_iter=1000, random_state=seed)),
        ]
    )


def random_forest(seed: int, rows: int, threads: int) -> Pipeline:
    """Return a bounded random forest."""
    forest = RandomForestClassifier(
        n_estimators=30,
        max_depth=10,
        min_samples_leaf=20,
        max_samples=min(FOREST_ROWS, rows),
        random_state=seed,
        n_jobs=threads,
    )
    impute = SimpleImputer(strategy="median", add_indicator=True)
    return Pipeline([("known", KnownFeatures()), ("impute", impute), ("model", forest)])


def gradient_boosting(seed: int, rows: int, threads: int) -> Pipeline:  # noqa: ARG001
    """Return gradient boosting of at most 100 trees with 15 leaves; unknown values are a branch of their own."""
    boosting = HistGradientBoostingClassifier(
        max_iter=100,
        max_leaf_nodes=15,
        learning_rate=0.06,
        min_samples_leaf=40,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    return Pipeline([("known", KnownFeatures()), ("model", boosting)])


Factory = Callable[[int, int, int], Pipeline]
CANDIDATES: dict[str, Factory] = {
    "logistic_regression": logistic_regression,
    "random_forest": random_forest,
    "gradient_boosting": gradient_boosting,
}
"""Simplest first: where two are equally good, the earlier is champion."""


@dataclass(frozen=True)
class Classifier:
    """A fitted pipeline, its calibration, and the features it was trained on."""

    pipeline: Pipeline
    calibration: LogisticRegression | None
    features: tuple[str, ...]

    def probability(self, features: tuple[str, ...], matrix: Floats) -> Floats:
        """Return the calibrated probability of the outcome; nothing is refitted.

        Raises:
            SchemaMismatchError: if the features differ from those of the training.
        """
        if features != self.features:
            unlike = sorted(set(features) ^ set(self.features)) or "their order"
            raise SchemaMismatchError(f"The model was trained on other features; they differ in {unlike}.")
        with one_thread():
            raw = self.pipeline.predict_proba(matrix)[:, 1]
            return raw if self.calibration is None else self.calibration.predict_proba(_logit(raw))[:, 1]


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold numeric libraries to one thread: the order of their sums, and so the last bits, would depend on it."""
    with threadpool_limits(limits=1):
        yield


def fit_pipeline(factory: Factory, matrix: Floats, labels: Labels, seed: int, threads: int) -> Pipeline:
    """Fit one candidate; only the growing of forest trees, which is independent of order, uses several threads."""
    pipeline = factory(seed, len(labels), threads)
    with one_thread():
        pipeline.fit(matrix, labels)
    if "n_jobs" in pipeline.named_steps["model"].get_params():
        pipeline.set_params(model__n_jobs=None)
    return pipeline


def fit_calibration(pipeline: Pipeline, matrix: Floats, labels: Labels) -> LogisticRegression:
    """Fit Platt's sigmoid on a slice that the pipeline has not seen; it keeps the ranking."""
    with one_thread():
        raw = pipeline.predict_proba(matrix)[:, 1]
        return LogisticRegression(C=1e6).fit(_logit(raw), labels)


def probability_metrics(labels: Labels, probability: Floats) -> dict[str, float]:
    """Return the ranking metrics plus Brier score, log loss and calibration error (ten groups of equal size)."""
    groups = [group for group in np.array_split(np.argsort(probability, kind="stable"), 10) if len(group)]
    gaps = [len(group) * abs(probability[group].mean() - labels[group].mean()) for group in groups]
    return ranking_metrics(labels, probability) | {
        "brier": float(brier_score_loss(labels, probability)),
        "log_loss": float(log_loss(labels, probability, labels=[0, 1])),
        "calibration_error": float(np.sum(gaps) / len(labels)),
    }


def ranking_metrics(labels: Labels, score: Floats) -> dict[str, float]:
    """Return the area under the ROC curve and the lift of the highest tenth."""
    tenth = np.argsort(-score, kind="stable")[: max(len(score) // 10, 1)]
    return {
        "auc": float(roc_auc_score(labels, score)),
        "top_decile_lift": float(labels[tenth].mean() / labels.mean()),
    }


def _logit(probability: Floats) -> Floats:
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped)).reshape(-1, 1)
