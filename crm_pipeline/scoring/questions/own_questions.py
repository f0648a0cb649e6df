"""Yes/no questions that a user declares in pipeline.yml: whom they are asked of, and the fact that means yes.

Each is a model of its own with all that churn has: a baseline to beat on later time, calibration, reasons, a card. The
baseline knows how long somebody has been a customer and when they last ordered, and learns which way these speak.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.config.expressions import columns_read
from crm_pipeline.config.questions import OwnQuestion
from crm_pipeline.scoring import features
from crm_pipeline.scoring.model import Demand, Floats, NotEnoughDataError, ScoringSettings
from crm_pipeline.scoring.questions import learners
from crm_pipeline.scoring.questions.labels import Frame, Question
from crm_pipeline.scoring.questions.learners import Factory
from crm_pipeline.scoring.questions.supervised import Prepared, Supervised, reason_columns
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, REASONS, Column, Mart, ScoreTable
from crm_pipeline.storage.sql import quoted

EVER = 36_500
"""Days since the last order that bound nobody: `asked_of` says of whom a question is asked."""

TABLE = ScoreTable(
    "own_questions",
    "One row per person and question that pipeline.yml declares: the probability of a yes, with reasons.",
    (
        PERSON,
        AS_OF,
        Column.text("question", "Name of the question in pipeline.yml.", required=True),
        Column.probability("probability", "Probability of a yes within the question's horizon.", required=True),
        *REASONS,
        MODEL_VERSION,
    ),
    key=("customer_key", "question"),
    models=("question_*",),
    mart=Mart("customers"),
)


@dataclass(frozen=True)
class DeclaredQuestion(Question):
    """Will what the declaration calls a yes happen to each person it is asked of, within the horizon?"""

    declared: OwnQuestion | None = None

    @property
    def told(self) -> OwnQuestion:
        """What the user wrote."""
        if self.declared is None:
            raise ValueError("a declared question needs its declaration")
        return self.declared

    @property
    def table(self) -> str:
        """The table whose rows answer."""
        fact = self.told.yes_if.fact
        return "customer.dim_customers" if fact == "customers" else f"customer.fct_{fact}"

    @property
    def purchases(self) -> str:
        """SQL of the answers: who, and the day as `ordered_on`, as questions about orders call it."""
        day = quoted(self.told.yes_if.day)
        return (
            f"select customer_key, {day}::date as ordered_on from {self.table} "
            f"where customer_key is not null and {day} is not null and ({self.told.yes_if.where}\n)"
        )

    @property
    def asked(self) -> str:
        """SQL of whom it is asked of at a date, buyers or not; with `once`, of none whose answer was yes before."""
        so_far = (
            " and not exists (select 1 from (select customer_key as told_of, ordered_on as told_on "
            f"from ({self.purchases}) as answers) as answers where told_of = customer_key and told_on <= as_of_date)"
        )
        asked = f"coalesce(recency_days, 0) < $window and ({self.told.asked_of}\n)"
        return asked + (so_far if self.told.once else "")

    def names(self, connection: duckdb.DuckDBPyConnection, as_of: date) -> tuple[str, ...]:
        """Return the names of the features, once the declaration is known to speak of columns that there are.

        Raises:
            NotEnoughDataError: names what the warehouse, or what is known of people at a date, does not have.
        """
        schema, _, table = self.table.partition(".")
        columns = _columns(connection, schema, table)
        if not columns:
            raise NotEnoughDataError(f"Needs the table {self.table}, which the warehouse does not have.")
        _require((self.told.yes_if.day, *columns_read(self.told.yes_if.where)), columns, self.table)
        _require(columns_read(self.told.asked_of), features.model_inputs(), "what models may know of people")
        return super().names(connection, as_of)


class OwnModel(Supervised):
    """Who will answer yes; the baselines know how long somebody is a customer, and since when silent.

    The champion has to rank better and to be nearer with its probabilities: by chance alone few do both.
    """

    table = TABLE
    score_column = "probability"
    baselines: tuple[str, ...] = ("age_and_recency", "same_for_all")
    demands = (Demand("auc", ("age_and_recency",), higher_is_better=True), Demand("brier", ("age_and_recency",)))
    needed: tuple[str, ...] = ("age_days", "recency_days")
    outcome, yes, no = "people with a yes", "answered yes", "did not"

    def __init__(self, declared: OwnQuestion) -> None:
        """Take what the user wrote."""
        self.declared = declared
        self.name = f"question_{declared.name}"

    def question(self, settings: ScoringSettings) -> DeclaredQuestion:
        """Return what is asked."""
        return DeclaredQuestion(self.declared.horizon_days, EVER, yes_is_an_order=True, declared=self.declared)

    def naive(self, frame: Frame) -> Mapping[str, Floats]:
        """Return one answer for everybody."""
        return {"same_for_all": np.zeros(len(frame))}

    def fitted_baselines(self, frame: Frame) -> Mapping[str, Factory]:
        """Return a logistic regression on how long somebody is a customer, and since when silent."""
        places = [frame.names.index(name) for name in self.needed]
        return {"age_and_recency": learners.only(places, learners.logistic_regression)}

    def columns(
        self, batch: pa.RecordBatch, probability: Floats, fitted: Any, settings: ScoringSettings
    ) -> Mapping[str, Any]:
        """Return question, probability and reasons."""
        matrix = features.matrix(batch, fitted.classifier.features)
        return {
            "question": pa.repeat(pa.scalar(self.declared.name), len(batch)),
            "probability": probability,
            **reason_columns(fitted, matrix, settings),
        }

    def card(self, prepared: Prepared, fitted: Any, settings: ScoringSettings) -> Mapping[str, Any]:
        """Return the common facts, and the declaration."""
        return {**super().card(prepared, fitted, settings), "question": self.declared.model_dump(mode="json")}


def _columns(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> tuple[str, ...]:
    rows = connection.sql(
        "select column_name from duckdb_columns() where schema_name = $schema and table_name = $table",
        params={"schema": schema, "table": table},
    ).fetchall()
    return tuple(row[0] for row in rows)


def _require(wanted: tuple[str, ...], known: tuple[str, ...] | frozenset[str], where: str) -> None:
    names = {name.lower() for name in known}
    for name in wanted:
        if name.lower() not in names:
            raise NotEnoughDataError(f"Needs a column '{name}' in {where}; has {', '.join(sorted(names))}.")
