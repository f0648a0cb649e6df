"""Classifiers for yes/no outcomes: candidates, a calibrated model that never refits when it scores, and metrics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from crm_pipeline.scoring.learning import KnownFeatures, one_thread, signed_log
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.questions import calibration
from crm_pipeline.scoring.questions.calibration import Calibration, Labels

FOREST_ROWS = 20_000
"""A random forest's trees each see at most this many rows: its time grows with them, its ranking hardly does."""
MANY_ROWS = 50_000
"""From so many rows on, a prediction is worth several threads."""


class LinearProbability(ClassifierMixin, LinearRegression):
    """Least squares on a yes/no outcome (the linear probability model), held between 0 and 1."""

    def fit(self, matrix: Floats, labels: Labels) -> "LinearProbability":
        """Fit the line."""
        self.classes_ = np.unique(labels)
        return super().fit(matrix, labels)

    def predict_proba(self, matrix: Floats) -> Floats:
        """Return the probability of each label."""
        yes = np.clip(super().predict(matrix), 0, 1)
        return np.column_stack([1 - yes, yes])


def logistic_regression(seed: int, rows: int, threads: int) -> Pipeline:  # noqa: ARG001
    """Return a logistic regression on logged, scaled features; unknown values get the median and a flag."""
    return Pipeline([*_scaled(), ("model", LogisticRegression(C=1.0, max_iter=1000, random_state=seed))])


def linear_regression(seed: int, rows: int, threads: int) -> Pipeline:  # noqa: ARG001
    """Return a linear probability model on the features of the logistic regression."""
    return Pipeline([*_scaled(), ("model", LinearProbability())])


def decision_tree(seed: int, rows: int, threads: int) -> Pipeline:  # noqa: ARG001
    """Return a tree small enough to be read; unknown values are a branch of their own."""
    tree = DecisionTreeClassifier(max_depth=5, min_samples_leaf=max(20, rows // 100), random_state=seed)
    return Pipeline([("known", KnownFeatures()), ("model", tree)])


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
    """Return gradient boosting of 60 trees with 15 leaves; unknown values are a branch of their own.

    A hundred trees at a lower rate, and 255 bins, take twice the time and rank no better.
    """
    boosting = HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=15,
        max_bins=63,
        learning_rate=0.1,
        min_samples_leaf=40,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    return Pipeline([("known", KnownFeatures()), ("model", boosting)])


Factory = Callable[[int, int, int], Pipeline]
METHODS: dict[str, Factory] = {
    "linear_regression": linear_regression,
    "logistic_regression": logistic_regression,
    "decision_tree": decision_tree,
    "random_forest": random_forest,
    "gradient_boosting": gradient_boosting,
}
"""All methods, simplest first."""


@dataclass(frozen=True)
class Classifier:
    """A fitted pipeline, its calibration, and the features it was trained on."""

    pipeline: Pipeline
    features: tuple[str, ...]
    calibration: Calibration = field(default_factory=Calibration)

    def probability(self, matrix: Floats) -> Floats:
        """Return the calibrated probability of a yes, for rows of `features`; nothing is refitted."""
        # Trees predict each row by itself: threads share out the rows, and no sum depends on them. With few rows, they
        # would wait for one another at every tree.
        with threadpool_limits(limits=1, user_api="blas" if len(matrix) >= MANY_ROWS else None):
            return self.calibration(self.pipeline.predict_proba(matrix)[:, 1])


def fit_pipeline(factory: Factory, matrix: Floats, labels: Labels, seed: int, threads: int) -> Pipeline:
    """Fit one candidate; only the growing of forest trees, which is independent of order, uses several threads."""
    pipeline = factory(seed, len(labels), threads)
    with one_thread():
        pipeline.fit(matrix, labels)
    if "n_jobs" in pipeline.named_steps["model"].get_params():
        pipeline.set_params(model__n_jobs=None)
    return pipeline


def only(places: list[int], factory: Factory) -> Factory:
    """Return a factory whose pipelines see only the features at some places."""

    def made(seed: int, rows: int, threads: int) -> Pipeline:
        chosen = ColumnTransformer([("chosen", "passthrough", places)])
        return Pipeline([("only", chosen), *factory(seed, rows, threads).steps])

    return made


def measures(labels: Labels, score: Floats) -> dict[str, float]:
    """Return the ranking measures of any score, and those of probabilities where all scores lie between 0 and 1."""
    found = ranking_measures(labels, score)
    if score.min() < 0 or score.max() > 1:
        return found
    return found | {
        "brier": float(brier_score_loss(labels, score)),
        "log_loss": float(log_loss(labels, score, labels=[0, 1])),
        "calibration_error": calibration.error(labels, score),
        "calibration_error_by_chance": calibration.error_by_chance(score),
    }


def ranking_measures(labels: Labels, score: Floats) -> dict[str, float]:
    """Return the area under the ROC curve and the lift of the highest tenth."""
    tenth = np.argsort(-score, kind="stable")[: max(len(score) // 10, 1)]
    return {
        "auc": float(roc_auc_score(labels, score)),
        "top_decile_lift": float(labels[tenth].mean() / labels.mean()),
    }


def _scaled() -> list[tuple[str, Any]]:
    return [
        ("known", KnownFeatures()),
        ("impute", SimpleImputer(strategy="median", add_indicator=True)),
        ("log", FunctionTransformer(signed_log)),
        ("scale", StandardScaler()),
    ]
