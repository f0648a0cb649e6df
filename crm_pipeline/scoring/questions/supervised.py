"""What all models of yes/no questions about people have in common; each of them adds its question and its table.

Tests are held at origins a horizon apart; each fit sees only origins whose whole horizon had passed by then.
Probabilities are calibrated on what earlier fits said of later origins that they had not seen, up to two of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.pipeline import Pipeline

from crm_pipeline.faults import guard
from crm_pipeline.scoring import backtest_plots, features, orders
from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats, Inputs, NotEnoughDataError, Round, ScoringSettings, require_probabilities
from crm_pipeline.scoring.questions import calibration, explain, labels, leakage, learners
from crm_pipeline.scoring.questions.labels import Frame, Question
from crm_pipeline.scoring.questions.learners import Classifier, Factory
from crm_pipeline.scoring.table import ScoreTable

MIN_HORIZONS = 3
MIN_OF_EACH_LABEL = 100
MAX_TESTS = 3
CALIBRATION_SLICES = 2
BATCH_ROWS = 200_000


@dataclass
class Prepared:
    """The labelled frame, the features left out as leaks, and the pipelines fitted so far, by candidate and origins."""

    frame: Frame
    leaks: Sequence[str]
    pipelines: dict[tuple[str, tuple[date, ...]], Pipeline] = field(default_factory=dict)


@dataclass(frozen=True)
class FittedClassifier:
    """A calibrated classifier, what explains it (None: nothing), and how much each feature matters on held-out rows."""

    classifier: Classifier
    explainer: explain.Explainer | None
    importance: Mapping[str, float]


class Supervised:
    """A model of a yes/no question; see `model.Model` for the attributes and methods that it shares with all models.

    Attributes:
        outcome: who is sought, in the plural, for the plots.
        yes, no: what people did who are a yes and a no, for the sentence that says there are too few of them.
        needed: features that its baselines or its table ask for by name; they are never taken for leaks.
        rows_divisor: it learns from this part of `training_rows`; several questions about a person say little more.
    """

    name: str
    table: ScoreTable
    score_column: str
    candidates: tuple[str, ...] = ("logistic_regression", "random_forest", "gradient_boosting")
    baselines: tuple[str, ...]
    needed: tuple[str, ...]
    outcome: str
    yes: str
    no: str
    metric: str = "auc"
    higher_is_better: bool = True
    rows_divisor: int = 1

    def question(self, settings: ScoringSettings) -> Question:
        """Return what is asked."""
        raise NotImplementedError

    def naive(self, frame: Frame) -> Mapping[str, Floats]:
        """Return the baselines that need no fit: a score per row, more = rather yes."""
        raise NotImplementedError

    def fitted_baselines(self, frame: Frame) -> Mapping[str, Factory]:
        """Return the baselines that are fitted as candidates are."""
        return {}

    def columns(
        self, batch: pa.RecordBatch, probability: Floats, fitted: Any, settings: ScoringSettings
    ) -> Mapping[str, Any]:
        """Return the columns of the score table between the as-of date and the version."""
        raise NotImplementedError

    def prepare(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Prepared:
        """Gather the labelled questions of every origin whose horizon had passed by the as-of date."""
        question = self.question(settings)
        history, needed = orders.history_days(connection, settings.as_of), MIN_HORIZONS * question.horizon_days
        if history < needed:
            raise NotEnoughDataError(f"Needs {needed} days of orders; has {history}.")
        origins = labels.origins_with_answers(connection, settings.as_of, question.horizon_days)
        if not origins:
            raise NotEnoughDataError("No as-of date of the features has both a horizon before it and one after it.")
        names = question.names(connection, settings.as_of)
        frame = question.frame(connection, names, origins, settings.training_rows // self.rows_divisor)
        yes, no = (len(np.unique(frame.keys[frame.labels == label])) for label in (1, 0))
        if min(yes, no) < MIN_OF_EACH_LABEL:
            raise NotEnoughDataError(
                f"Needs {MIN_OF_EACH_LABEL} people who {self.yes} and {MIN_OF_EACH_LABEL} who {self.no}; "
                f"has {yes} and {no}."
            )
        found = [name for name in leakage.leaks(frame) if name not in self.needed]
        return Prepared(frame.without(found), found)

    def tests(self, frame: Frame, settings: ScoringSettings) -> list[tuple[tuple[date, ...], date]]:
        """Return up to three test origins with what they may learn from, oldest first.

        They lie a horizon apart where history allows three such, else as late as possible.

        Raises:
            NotEnoughDataError: if no origin can be tested with both labels in its training and test part.
        """
        horizon = self.question(settings).horizon_days
        possible = []
        for test in frame.days:
            train = labels.complete_at(frame.days, horizon, test)
            if train and frame.at(train).has_both_labels and frame.at([test]).has_both_labels:
                possible.append((train, test))
        if not possible:
            raise NotEnoughDataError("No as-of date has labelled as-of dates a whole horizon before it to learn from.")
        apart: list[tuple[tuple[date, ...], date]] = []
        for split in reversed(possible):
            if not apart or (apart[-1][1] - split[1]).days >= horizon:
                apart.append(split)
        chosen = apart if len(apart) >= MAX_TESTS else possible[::-1]
        return chosen[:MAX_TESTS][::-1]

    def rounds(self, prepared: Prepared, settings: ScoringSettings) -> Iterator[Round]:
        """Test all candidates and baselines at rolling origins, oldest first."""
        frame = prepared.frame
        methods = {name: learners.METHODS[name] for name in self.candidates} | dict(self.fitted_baselines(frame))
        for train, test in self.tests(frame, settings):
            asked = frame.at([test])
            predictions = {
                name: self.classifier(prepared, name, factory, train, settings).probability(asked.features)
                for name, factory in methods.items()
            }
            yield Round(test, asked.labels.astype(float), {**predictions, **self.naive(asked)})

    def measure(self, actual: Floats, predicted: Floats) -> Mapping[str, float]:
        """Return the ranking measures, and those of probabilities for what is one."""
        return learners.measures(actual.astype(np.int64), predicted)

    def classifier(
        self, prepared: Prepared, name: str, factory: Factory, train: tuple[date, ...], settings: ScoringSettings
    ) -> Classifier:
        """Fit a method on some origins and calibrate it on what earlier fits said of later ones among them."""
        frame, horizon = prepared.frame, self.question(settings).horizon_days
        said: list[Floats] = []
        came: list[learners.Labels] = []
        latest: date | None = None
        for day in reversed(train):
            earlier = labels.complete_at(train, horizon, day)
            if latest is None or (latest - day).days >= horizon:
                if len(said) == CALIBRATION_SLICES or not frame.at(earlier).has_both_labels:
                    break
                later, latest = frame.at([day]), day
                said.append(
                    Classifier(_pipeline(prepared, name, factory, earlier, settings), frame.names).probability(
                        later.features
                    )
                )
                came.append(later.labels)
        pipeline = _pipeline(prepared, name, factory, train, settings)
        with one_thread():
            chosen = calibration.choose(said, came)
        return Classifier(pipeline, frame.names, chosen)

    def fit(self, prepared: Prepared, candidate: str, settings: ScoringSettings) -> Any:
        """Fit the champion on all labelled origins; what matters to it is measured at the last test origin."""
        frame, factory = prepared.frame, learners.METHODS[candidate]
        model = self.classifier(prepared, candidate, factory, tuple(frame.days), settings)
        train, test = self.tests(frame, settings)[-1]
        tested, held_out = self.classifier(prepared, candidate, factory, train, settings), frame.at([test])
        return FittedClassifier(
            model,
            guard.attempt(
                f"what explains {self.name}", lambda: explain.fit_explainer(model, frame.features, frame.labels), None
            ),
            guard.attempt(
                f"the importance of the features of {self.name}",
                lambda: explain.importance(tested, held_out.features, held_out.labels, settings.seed),
                {},
            ),
        )

    def training_data(self, prepared: Prepared) -> Iterable[npt.NDArray[Any]]:
        """Return keys, origins, features and labels."""
        frame = prepared.frame
        return [frame.keys, frame.origins.astype(np.int64), frame.features, frame.labels]

    def inputs(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Inputs:
        """Return the features of those asked about at the as-of date."""
        question = self.question(settings)
        names = question.names(connection, settings.as_of)
        rows = question.reader(connection, names, settings.as_of, BATCH_ROWS, settings.training_rows).read_all()
        return Inputs(names, features.matrix(rows, names))

    def score(
        self, connection: duckdb.DuckDBPyConnection, fitted: Any, version: str, settings: ScoringSettings
    ) -> pa.Table:
        """Return the score table of everybody asked about at the as-of date, in batches."""
        names, question = fitted.classifier.features, self.question(settings)
        parts = []
        for batch in question.reader(connection, names, settings.as_of, BATCH_ROWS):
            matrix = features.matrix(batch, names)
            probability = fitted.classifier.probability(matrix)
            require_probabilities(probability, self.score_column)
            columns = {
                "customer_key": batch.column("customer_key"),
                "as_of_date": pa.repeat(pa.scalar(settings.as_of, pa.date32()), len(batch)),
                **self.columns(batch, probability, fitted, settings),
                "model_version": pa.repeat(pa.scalar(version), len(batch)),
            }
            parts.append(self.table.typed(pa.table(columns)))
        return pa.concat_tables([self.table.empty(), *parts]).combine_chunks()

    def card(self, prepared: Prepared, fitted: Any, settings: ScoringSettings) -> Mapping[str, Any]:
        """Return training window, rows, share of yes, calibration, importance, and features left out as leaks."""
        frame, question = prepared.frame, self.question(settings)
        return {
            "question": {"horizon_days": question.horizon_days, "ordered_within_days": question.window_days},
            "training_window": [frame.days[0].isoformat(), frame.days[-1].isoformat()],
            "rows": len(frame),
            "share_of_yes": round(float(frame.labels.mean()), 6),
            "calibration": fitted.classifier.calibration.method,
            "importance": dict(fitted.importance),
            "left_out_as_leaks": list(prepared.leaks),
        }

    def plots(self, rounds: Sequence[Round], champion: str) -> Mapping[str, str]:
        """Return calibration over all test origins, and gains at the last one."""
        said = np.concatenate([one.predictions[champion] for one in rounds])
        came = np.concatenate([one.actual for one in rounds]).astype(np.int64)
        last, title = rounds[-1], self.name.replace("_", " ").capitalize()
        gains = {name: last.predictions[name] for name in (champion, self.baselines[0])}
        answers = last.actual.astype(np.int64)
        return guard.drawn(
            {
                f"{title}: calibration at all test origins": lambda: backtest_plots.calibration_curve(said, came),
                f"{title}: gains at the last test origin": lambda: backtest_plots.gains_curve(
                    gains, answers, self.outcome
                ),
            }
        )


def reason_columns(fitted: FittedClassifier, matrix: Floats, settings: ScoringSettings) -> dict[str, pa.Array]:
    """Return reason_1 to reason_3; empty where nothing explains the model."""
    explainer, nothing = fitted.explainer, [pa.nulls(len(matrix), pa.string())] * explain.REASONS
    told = nothing
    if explainer is not None:
        told = guard.attempt(
            "the reasons of the scores",
            lambda: explainer.reasons(fitted.classifier, matrix, settings.currency, settings.threads),
            nothing,
        )
    return {f"reason_{rank}": reason for rank, reason in enumerate(told, start=1)}


def _pipeline(
    prepared: Prepared, name: str, factory: Factory, train: tuple[date, ...], settings: ScoringSettings
) -> Pipeline:
    """Return the pipeline of a method fitted on some origins; each is fitted once."""
    if (name, train) not in prepared.pipelines:
        rows = prepared.frame.at(train)
        prepared.pipelines[name, train] = learners.fit_pipeline(
            factory, rows.features, rows.labels, settings.seed, settings.threads
        )
    return prepared.pipelines[name, train]
