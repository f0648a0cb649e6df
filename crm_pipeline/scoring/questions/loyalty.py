"""Loyalty: what people do and what they say, as a score from 0 to 100 and as a stage.

Behaviour is the probability of ordering again within two churn horizons. Attitude is the last NPS or CSAT answer on a
scale of 0 to 1; where there is none, a linear regression on the features estimates it, and the row says so. The score
is 100 times their mean, behaviour alone where the shop asks nobody. The stages are those of Dick and Basu (Customer
Loyalty: Toward an Integrated Conceptual Framework, 1994), relative attitude against repeat patronage: `true` (both),
`latent` (attitude only), `spurious` (orders only), `none`; null where the shop asks nobody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.pipeline import Pipeline

from crm_pipeline.scoring import features
from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats, Round, ScoringSettings
from crm_pipeline.scoring.questions import learners
from crm_pipeline.scoring.questions.explain import Explainer
from crm_pipeline.scoring.questions.labels import Frame, Question
from crm_pipeline.scoring.questions.learners import Classifier
from crm_pipeline.scoring.questions.supervised import FittedClassifier, Prepared, Supervised, reason_columns
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, REASONS, Column, ScoreTable

SCALES = {"last_nps": (0, 10), "last_csat": (0, 1)}
"""Surveys that ask for an attitude, with their lowest and highest value; the first that was answered counts."""

MIN_ANSWERS = 100
OFTEN = 0.5
"""Repeat patronage is high from this probability on: more likely than not."""

_FOLDS, _CROSSED_ROWS = 5, 50_000


@dataclass(frozen=True)
class Attitude:
    """A regression of the attitude on the features at some places, the answers' mean, and its cross-validated R2."""

    pipeline: Pipeline
    places: tuple[int, ...]
    mean: float
    r2: float

    def estimate(self, matrix: Floats) -> Floats:
        """Return the attitude to expect of each person, 0 to 1."""
        with one_thread():
            return np.clip(self.pipeline.predict(matrix[:, list(self.places)]), 0, 1)


@dataclass(frozen=True)
class FittedLoyalty:
    """The two halves of loyalty; no attitude where too few people were asked."""

    behaviour: FittedClassifier
    attitude: Attitude | None

    @property
    def classifier(self) -> Classifier:
        """The classifier of the behaviour."""
        return self.behaviour.classifier

    @property
    def explainer(self) -> Explainer | None:
        """What explains the behaviour."""
        return self.behaviour.explainer

    @property
    def importance(self) -> Mapping[str, float]:
        """How much each feature matters to the behaviour."""
        return self.behaviour.importance


TABLE = ScoreTable(
    "loyalty",
    "One row per recent buyer: loyalty in behaviour and attitude, and its stage.",
    (
        PERSON,
        AS_OF,
        Column.number("loyalty_score", "Loyalty in behaviour and attitude, 0-100."),
        Column.probability("behavioural", "Probability of ordering again.", required=True),
        Column.number("attitudinal", "Attitude towards the shop, 0-1."),
        Column.flag("attitude_is_estimated", "Whether the attitude was estimated, since the person gave none."),
        Column.text("loyalty_stage", "true, latent, spurious or none (Dick and Basu, 1994)."),
        *REASONS,
        MODEL_VERSION,
    ),
    key=("customer_key",),
    models=("loyalty",),
)


class Loyalty(Supervised):
    """Who will order again; the baseline is each person's own share of order days that were not the first."""

    name = "loyalty"
    table = TABLE
    score_column = "loyalty_score"
    baselines: tuple[str, ...] = ("repurchase_rate",)
    needed: tuple[str, ...] = ("order_days", "age_days")
    outcome, yes, no = "repeat buyers", "ordered again", "did not"
    candidates: tuple[str, ...] = ("linear_regression", "logistic_regression", "decision_tree")

    def question(self, settings: ScoringSettings) -> Question:
        """Return: will a buyer of the eligibility window order within two churn horizons?"""
        return Question(2 * settings.churn_horizon_days, settings.eligibility_days, yes_is_an_order=True)

    def naive(self, frame: Frame) -> Mapping[str, Floats]:
        """Return how often a year each person came back so far."""
        repeats = frame.column("order_days") - 1
        return {"repurchase_rate": 365 * repeats / np.maximum(frame.column("age_days"), 1)}

    def rounds(self, prepared: Prepared, settings: ScoringSettings) -> Iterator[Round]:
        """Test on held-out time, and show beside the last what cross-validation and the training would have said."""
        train, last = self.tests(prepared.frame, settings)[-1]
        for one in super().rounds(prepared, settings):
            yield replace(one, figures=self._flattering(prepared, train, settings)) if one.origin == last else one

    def fit(self, prepared: Prepared, candidate: str, settings: ScoringSettings) -> FittedLoyalty:
        """Fit behaviour, and attitude where enough people said theirs."""
        return FittedLoyalty(super().fit(prepared, candidate, settings), fit_attitude(prepared.frame))

    def columns(
        self, batch: pa.RecordBatch, probability: Floats, fitted: FittedLoyalty, settings: ScoringSettings
    ) -> Mapping[str, Any]:
        """Return score, behaviour, attitude, stage and reasons."""
        names = fitted.classifier.features
        matrix = features.matrix(batch, names)
        given = stated(matrix, names)
        attitude, estimated = given, np.isnan(given)
        if fitted.attitude is None:
            attitude = np.full(len(given), np.nan)
        else:
            attitude = np.where(estimated, fitted.attitude.estimate(matrix), given)
        known = ~np.isnan(attitude)
        return {
            "loyalty_score": 100 * np.where(known, (probability + attitude) / 2, probability),
            "behavioural": probability,
            "attitudinal": pa.array(attitude, mask=~known),
            "attitude_is_estimated": pa.array(estimated, mask=~known),
            "loyalty_stage": pa.array(stage(probability, attitude, fitted.attitude), mask=~known),
            **reason_columns(fitted.behaviour, matrix, settings),
        }

    def card(self, prepared: Prepared, fitted: FittedLoyalty, settings: ScoringSettings) -> Mapping[str, Any]:
        """Return the common facts, and how well the attitude can be estimated."""
        attitude = fitted.attitude
        said = {"mean": round(attitude.mean, 6), "r2_cross_validated": round(attitude.r2, 6)} if attitude else None
        return {**super().card(prepared, fitted, settings), "attitude": said}

    def _flattering(
        self, prepared: Prepared, train: tuple[date, ...], settings: ScoringSettings
    ) -> dict[str, dict[str, float]]:
        rows = prepared.frame.at(train)
        people = np.unique(rows.keys)
        some = rows.where(np.isin(rows.keys, people[:: -(-len(rows) // _CROSSED_ROWS)]))
        found = {}
        for name in self.candidates:
            factory = learners.METHODS[name]
            model = self.classifier(prepared, name, factory, train, settings)
            inside = learners.ranking_measures(rows.labels, model.probability(rows.features))["auc"]
            with one_thread():
                crossed = cross_val_score(
                    factory(settings.seed, len(some), settings.threads),
                    some.features,
                    some.labels,
                    groups=some.keys,
                    cv=GroupKFold(_FOLDS),
                    scoring="roc_auc",
                )
            found[name] = {"auc_in_sample": inside, "auc_cross_validated": float(crossed.mean())}
        return found


def stated(matrix: Floats, names: tuple[str, ...]) -> Floats:
    """Return the attitude that people stated, 0 to 1; NaN where they stated none."""
    found = np.full(len(matrix), np.nan)
    for name, (lowest, highest) in SCALES.items():
        if name in names:
            share = np.clip((matrix[:, names.index(name)] - lowest) / (highest - lowest), 0, 1)
            found = np.where(np.isnan(found), share, found)
    return found


def stage(behavioural: Floats, attitudinal: Floats, attitude: Attitude | None) -> npt.NDArray[np.object_]:
    """Return the stage of each person; attitude is high from the mean of those who answered on."""
    high = attitudinal >= (attitude.mean if attitude else np.inf)
    names = np.array([["none", "spurious"], ["latent", "true"]], dtype=object)
    return names[high.astype(int), (behavioural >= OFTEN).astype(int)]


def fit_attitude(frame: Frame) -> Attitude | None:
    """Regress the stated attitude on the other features, on each person's latest row; None with too few answers."""
    last = len(frame) - 1 - np.unique(frame.keys[::-1], return_index=True)[1]
    rows = frame.where(np.isin(np.arange(len(frame)), last))
    answers = stated(rows.features, rows.names)
    rows, answers = rows.where(~np.isnan(answers)), answers[~np.isnan(answers)]
    if len(answers) < MIN_ANSWERS:
        return None
    places = [place for place, name in enumerate(rows.names) if name not in (*SCALES, "nps_change")]
    others = rows.features[:, places]
    pipeline = Pipeline([*learners.linear_regression(0, len(rows), 1).steps[:-1], ("model", Ridge(alpha=100.0))])
    with one_thread():
        r2 = cross_val_score(
            pipeline, others, answers, cv=KFold(_FOLDS, shuffle=True, random_state=0), scoring="r2"
        ).mean()
        pipeline.fit(others, answers)
    return Attitude(pipeline, tuple(places), float(answers.mean()), float(r2))
