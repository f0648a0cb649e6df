"""Churn risk: the probability that a recent buyer places no order in the horizon after the as-of date.

Asked about is who placed a counted order in the last `eligibility_days` (365).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_pipeline.scoring import features
from crm_pipeline.scoring.model import Floats, ScoringSettings
from crm_pipeline.scoring.questions import learners
from crm_pipeline.scoring.questions.labels import Frame, Question
from crm_pipeline.scoring.questions.learners import Factory
from crm_pipeline.scoring.questions.supervised import Supervised, reason_columns
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, REASONS, Column, ScoreTable

"""Lowest probability of the risk bands `medium` and `high`; below the first it is `low`."""


TABLE = ScoreTable(
    "churn",
    "One row per recent buyer: probability of no order within the churn horizon, with reasons.",
    (
        PERSON,
        AS_OF,
        Column.probability("churn_probability", "Probability of no order within the churn horizon.", required=True),
        Column.text("risk_band", "low, medium or high."),
        *REASONS,
        MODEL_VERSION,
    ),
    key=("customer_key",),
    models=("churn",),
)


class Churn(Supervised):
    """Who will not order again within the churn horizon; the baselines know nothing but recency."""

    name = "churn"
    table = TABLE
    score_column = "churn_probability"
    baselines: tuple[str, ...] = ("recency_rank", "recency_logistic")
    needed: tuple[str, ...] = ("recency_days",)
    outcome, yes, no = "churners", "churned", "stayed"

    def question(self, settings: ScoringSettings) -> Question:
        """Return: will a buyer of the eligibility window place no order in the horizon?"""
        return Question(settings.churn_horizon_days, settings.eligibility_days, yes_is_an_order=False)

    def naive(self, frame: Frame) -> Mapping[str, Floats]:
        """Return the days since the last order."""
        return {"recency_rank": frame.column("recency_days")}

    def fitted_baselines(self, frame: Frame) -> Mapping[str, Factory]:
        """Return a logistic regression on recency alone."""
        place = frame.names.index("recency_days")
        return {"recency_logistic": learners.only([place], learners.logistic_regression)}

    def columns(
        self, batch: pa.RecordBatch, probability: Floats, fitted: Any, settings: ScoringSettings
    ) -> Mapping[str, Any]:
        """Return probability, risk band and reasons."""
        matrix = features.matrix(batch, fitted.classifier.features)
        return {
            "churn_probability": probability,
            "risk_band": risk_band(probability, settings),
            **reason_columns(fitted, matrix, settings),
        }


def risk_band(probability: Floats, settings: ScoringSettings) -> npt.NDArray[np.str_]:
    """Return `low`, `medium` or `high` for each probability."""
    return np.array(["low", "medium", "high"])[np.digitize(probability, [settings.medium_risk, settings.high_risk])]
