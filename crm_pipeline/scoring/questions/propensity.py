"""Purchase propensity: the probability that a buyer of the last 24 months orders in the next 30 days."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from crm_pipeline.scoring import features
from crm_pipeline.scoring.model import Floats, ScoringSettings
from crm_pipeline.scoring.questions.labels import Frame, Question
from crm_pipeline.scoring.questions.supervised import Supervised, reason_columns
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, REASONS, Column, ScoreTable

ELIGIBLE_DAYS = 730


TABLE = ScoreTable(
    "propensity",
    "One row per recent buyer: probability of an order in the coming days.",
    (
        PERSON,
        AS_OF,
        Column.probability("purchase_probability", "Probability of an order in the next 30 days.", required=True),
        *REASONS,
        MODEL_VERSION,
    ),
    key=("customer_key",),
    models=("propensity",),
)


class Propensity(Supervised):
    """Who will order soon; the baseline ranks by recency."""

    name = "propensity"
    table = TABLE
    score_column = "purchase_probability"
    baselines: tuple[str, ...] = ("recency_rank",)
    needed: tuple[str, ...] = ("recency_days",)
    outcome, yes, no = "buyers", "ordered", "did not"

    def question(self, settings: ScoringSettings) -> Question:
        """Return: will a buyer of the last 24 months order in the horizon of the propensity?"""
        return Question(settings.propensity_horizon_days, ELIGIBLE_DAYS, yes_is_an_order=True)

    def naive(self, frame: Frame) -> Mapping[str, Floats]:
        """Return the days since the last order, the fewest first."""
        return {"recency_rank": -frame.column("recency_days")}

    def columns(
        self, batch: pa.RecordBatch, probability: Floats, fitted: Any, settings: ScoringSettings
    ) -> Mapping[str, Any]:
        """Return probability and reasons."""
        matrix = features.matrix(batch, fitted.classifier.features)
        return {"purchase_probability": probability, **reason_columns(fitted, matrix, settings)}
