"""Methods that learn from a trial what a contact brings whom; each says the extra margin and orders of a contact.

All see the same design: the features, then one column per contact channel. Effects are small beside what people do
anyway, so everything is held back strongly: few trees, large penalties.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from crm_pipeline.scoring.contacts.experiments import Trial
from crm_pipeline.scoring.learning import KnownFeatures, one_thread, signed_log
from crm_pipeline.scoring.model import Floats

EXPECTATION_ROWS = 20_000
"""An expectation learns from at most about this many rows: it only takes noise away, and more rows take little more."""

_FOLDS = 3
_PENALTIES = np.logspace(1, 6, 16)


@dataclass(frozen=True)
class Effects:
    """Expected effect of a contact, one value per row: extra margin and extra orders."""

    margin: Floats
    orders: Floats


class Learner(Protocol):
    """A fitted method."""

    def effects(self, design: Floats) -> Effects:
        """Return what a contact of each row brings."""


@dataclass(frozen=True)
class Lesson:
    """A trial ready to learn from.

    Attributes:
        expected_margin, expected_orders: what each row does on average over both groups, as said by models that have
            not seen the person (cross-fitting).
    """

    trial: Trial
    design: Floats
    expected_margin: Floats
    expected_orders: Floats

    @property
    def weight(self) -> Floats:
        """How far each row was from its chance of being contacted."""
        return self.trial.treated - self.trial.share

    @property
    def balance(self) -> Floats:
        """The inverse of each row's chance to be in its group, 1 on average: both groups then mix campaigns alike."""
        weight = 1 / np.where(self.trial.treated == 1, self.trial.share, 1 - self.trial.share)
        return np.asarray(weight / weight.mean())


def design(features: Floats, channels: npt.NDArray[np.str_], known: Sequence[str]) -> Floats:
    """Return the features with one column per known channel."""
    return np.column_stack([features, *(channels == channel for channel in known)]).astype(np.float64)


def lesson(trial: Trial, channels: Sequence[str], seed: int) -> Lesson:
    """Return a trial with its design and, for each row, what models fitted on other people expect of it."""
    matrix = design(trial.features, trial.channels, channels)
    margin, orders = np.empty(len(trial)), np.empty(len(trial))
    with one_thread():
        for train, test in GroupKFold(_FOLDS).split(matrix, groups=trial.keys):
            margin[test] = expectation(matrix[train], trial.margin[train], seed).predict(matrix[test])
            orders[test] = expectation(matrix[train], trial.orders[train], seed).predict(matrix[test])
    return Lesson(trial, matrix, margin, orders)


def expectation(matrix: Floats, outcome: Floats, seed: int) -> Pipeline:
    """Fit what people do on average: gradient boosting with a logarithmic link, losses counted as nothing."""
    boosting = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=60,
        max_leaf_nodes=8,
        learning_rate=0.06,
        min_samples_leaf=50,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    every = -(-len(matrix) // EXPECTATION_ROWS)
    fitted = Pipeline([("known", KnownFeatures()), ("model", boosting)])
    return fitted.fit(matrix[::every], np.maximum(outcome[::every], 0))


def pseudo_effects(trial: Trial, outcome: Floats, expected: Floats) -> Floats:
    """Return per contact a value whose mean over any group of people is their mean effect.

    (Y - m)(T - p) / (p(1 - p)) with m what was expected of the person either way: inverse-propensity weighting of what
    is left of the outcome after its expectation. It is without bias whatever m is, as long as m saw neither T nor Y of
    the row; a good m makes it less noisy (the augmented estimator of Robins, Rotnitzky and Zhao, 1994).
    """
    return (outcome - expected) * (trial.treated - trial.share) / (trial.share * (1 - trial.share))


@dataclass(frozen=True)
class Proportional:
    """A contact raises what a person would do anyway by the same share, which differs by channel only.

    Where effects are hard to see, ranking people by the outcome expected of them does better than to model the effect
    itself (risk modelling; D. Kent and others, The PATH statement, Annals of Internal Medicine, 2020).
    """

    margin: Pipeline
    orders: Pipeline
    margin_lift: Floats
    orders_lift: Floats

    @classmethod
    def fit(cls, past: Lesson, seed: int) -> "Proportional":
        """Fit the expectations, and for each channel the share by which a contact raises them."""
        trial = past.trial
        channels = past.design[:, trial.features.shape[1] :].astype(bool)
        return cls(
            expectation(past.design, trial.margin, seed),
            expectation(past.design, trial.orders, seed),
            _lifts(pseudo_effects(trial, trial.margin, past.expected_margin), past.expected_margin, channels),
            _lifts(pseudo_effects(trial, trial.orders, past.expected_orders), past.expected_orders, channels),
        )

    def effects(self, design: Floats) -> Effects:
        """Return the lift of each row's channel times what is expected of the row."""
        channels = design[:, -len(self.margin_lift) :]
        return Effects(
            self.margin.predict(design) * (channels @ self.margin_lift),
            self.orders.predict(design) * (channels @ self.orders_lift),
        )


@dataclass(frozen=True)
class Alike:
    """A contact brings everybody the mean effect of its channel, drawn towards that of all channels."""

    margin: Floats
    orders: Floats

    @classmethod
    def fit(cls, past: Lesson, seed: int) -> "Alike":  # noqa: ARG003
        """Take the mean effects."""
        trial = past.trial
        channels = past.design[:, trial.features.shape[1] :].astype(bool)
        ones = np.ones(len(trial))
        return cls(
            _lifts(pseudo_effects(trial, trial.margin, past.expected_margin), ones, channels),
            _lifts(pseudo_effects(trial, trial.orders, past.expected_orders), ones, channels),
        )

    def effects(self, design: Floats) -> Effects:
        """Return the mean effect of each row's channel."""
        channels = design[:, -len(self.margin) :]
        return Effects(channels @ self.margin, channels @ self.orders)


@dataclass(frozen=True)
class TwoModels:
    """One model of the contacted, one of the held out; the effect is what the first expects more than the second."""

    contacted: tuple[Pipeline, Pipeline]
    held_out: tuple[Pipeline, Pipeline]

    @classmethod
    def fit(cls, past: Lesson, seed: int) -> "TwoModels":  # noqa: ARG003
        """Fit a penalised regression of margin and of orders in each group."""
        trial = past.trial

        def pair(group: npt.NDArray[np.bool_]) -> tuple[Pipeline, Pipeline]:
            rows, weight = past.design[group], past.balance[group]
            margin, orders = (
                _ridge().fit(rows, outcome[group], model__sample_weight=weight)
                for outcome in (trial.margin, trial.orders)
            )
            return margin, orders

        return cls(pair(trial.treated == 1), pair(trial.treated == 0))

    def effects(self, design: Floats) -> Effects:
        """Return the difference of the two models."""
        margin, orders = (
            with_contact.predict(design) - without.predict(design)
            for with_contact, without in zip(self.contacted, self.held_out, strict=True)
        )
        return Effects(margin, orders)


@dataclass(frozen=True)
class ClassTransformation:
    """A classifier of "contacted and bought, or held out and did not buy", whose probability p means an effect 2p - 1.

    M. Jaskowski and S. Jaroszewicz, Uplift modeling for clinical trial data, 2012; rows are weighted by the inverse of
    their group's share in their campaign, which stands for equal groups. The effect on the chance to buy is turned into
    margin and orders by what buyers bring.
    """

    classifier: Pipeline
    margin_of_buyers: Pipeline
    orders_per_buyer: float

    @classmethod
    def fit(cls, past: Lesson, seed: int) -> "ClassTransformation":
        """Fit the classifier, and what those who buy bring."""
        trial = past.trial
        bought = trial.orders > 0
        classifier = Pipeline([*_scaled(), ("model", LogisticRegression(C=1e-3, max_iter=1000, random_state=seed))])
        classifier.fit(past.design, bought == (trial.treated == 1), model__sample_weight=past.balance)
        margin = _ridge().fit(past.design[bought], trial.margin[bought])
        return cls(classifier, margin, float(trial.orders[bought].mean()))

    def effects(self, design: Floats) -> Effects:
        """Return 2p - 1 times what a buyer brings."""
        buying = 2 * self.classifier.predict_proba(design)[:, 1] - 1
        return Effects(buying * np.maximum(self.margin_of_buyers.predict(design), 0), buying * self.orders_per_buyer)


@dataclass(frozen=True)
class Residual:
    """A penalised regression of what is left of the outcome after its expectation on the contact times the features.

    The R-learner (X. Nie and S. Wager, Quasi-oracle estimation of heterogeneous treatment effects, 2021). The mean
    effect is not penalised, differences between people are.
    """

    scaling: Pipeline
    margin: tuple[float, RidgeCV]
    orders: tuple[float, RidgeCV]

    @classmethod
    def fit(cls, past: Lesson, seed: int) -> "Residual":  # noqa: ARG003
        """Fit the mean effect, then how it differs with the features."""
        scaling = Pipeline(_scaled())
        scaled = scaling.fit_transform(past.design)

        def effect(left: Floats) -> tuple[float, RidgeCV]:
            mean = float(past.weight @ left / (past.weight @ past.weight))
            ridge = RidgeCV(_PENALTIES, fit_intercept=False)
            return mean, ridge.fit(scaled * past.weight[:, None], left - mean * past.weight)

        trial = past.trial
        return cls(scaling, effect(trial.margin - past.expected_margin), effect(trial.orders - past.expected_orders))

    def effects(self, design: Floats) -> Effects:
        """Return the mean effect plus what the features add to it."""
        scaled = self.scaling.transform(design)
        margin, orders = (mean + ridge.predict(scaled) for mean, ridge in (self.margin, self.orders))
        return Effects(margin, orders)


LEARNERS: dict[str, Callable[[Lesson, int], Learner]] = {
    "proportional": Proportional.fit,
    "two_models": TwoModels.fit,
    "class_transformation": ClassTransformation.fit,
    "residual": Residual.fit,
}
"""Simplest first."""


def shrunk(values: Floats, errors: Floats) -> Floats:
    """Return estimates drawn towards their common mean, the more the larger their standard error (inf: unknown).

    Random-effects weights with the variance between groups by moments (R. DerSimonian and N. Laird, 1986).
    """
    weight = errors**-2
    mean = (weight @ values) / weight.sum()
    excess = weight @ (values - mean) ** 2 - (np.isfinite(errors).sum() - 1)
    scale = weight.sum() - (weight @ weight) / weight.sum()
    between = max(excess / scale, 0.0) if scale > 0 else 0.0
    if between == 0:
        return np.full(len(values), mean)
    weight = 1 / (between + errors**2)
    keep = between * weight
    return np.asarray(keep * values + (1 - keep) * (weight @ values) / weight.sum())


def _lifts(effects: Floats, expected: Floats, channels: npt.NDArray[np.bool_]) -> Floats:
    """Return per channel the effect as a share of what is expected, drawn towards that of all channels."""
    lifts, errors = np.zeros(channels.shape[1]), np.full(channels.shape[1], np.inf)
    for place, group in enumerate(channels.T):
        base = expected[group].sum()
        if base > 0:
            lifts[place] = effects[group].sum() / base
            errors[place] = max(effects[group].std() * np.sqrt(group.sum()) / base, 1e-9)
    return shrunk(lifts, errors)


def _ridge() -> Pipeline:
    return Pipeline([*_scaled(), ("model", RidgeCV(_PENALTIES))])


def _scaled() -> list[tuple[str, object]]:
    """Return the steps that make features comparable: logged, scaled, unknown ones at their median with a flag."""
    return [
        ("known", KnownFeatures()),
        ("impute", SimpleImputer(strategy="median", add_indicator=True)),
        ("log", FunctionTransformer(signed_log)),
        ("scale", StandardScaler()),
    ]
