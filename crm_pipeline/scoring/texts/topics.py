"""What tickets are about: topics found in their words, one model per language.

Non-negative matrix factorisation of TF-IDF weights (Lee and Seung, 1999): words in English, pairs of characters in
Chinese, which needs no segmentation. A topic's label are its weightiest terms; a term is only known to the model when
tickets of at least `MIN_PEOPLE` different people hold it, so that no label tells of one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.pipeline import Pipeline

from crm_pipeline.faults import guard
from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats, NotEnoughDataError, ScoringSettings
from crm_pipeline.scoring.outcome import ModelStatus, Status
from crm_pipeline.scoring.table import AS_OF, Column, ScoreTable
from crm_pipeline.scoring.texts import text
from crm_pipeline.show.plots import bars

TICKET_TOPICS = ScoreTable(
    "ticket_topics",
    "One row per ticket: its weightiest topic.",
    (
        Column.integer("customer_key", "The person; empty where nothing tells who."),
        AS_OF,
        Column.integer("ticket_key", "The ticket.", required=True),
        Column.text("language", "en or zh."),
        Column.integer("topic_id", "Number of the topic within its language, the largest first."),
        Column.text("topic", "Weightiest terms of the topic."),
        Column.number("share", "Share of the topic of all topics' weight in the ticket, 0-1."),
    ),
    key=("ticket_key",),
)
"""One row per ticket, ordered by its key: its weightiest topic, numbered from 1 within its language, the largest first,
and the topic's share (0-1) of all topics' weight in it. Tickets that hold no term of any topic have no row."""

TOPICS = 8
MIN_TICKETS, MIN_PEOPLE, MOST_TICKETS = 200, 20, 0.5
TERMS_PER_LABEL = 3
_DIGITS = 9
_TERMS: dict[str, dict[str, Any]] = {
    "en": {"token_pattern": r"(?u)\b[^\W\d_]{3,}\b", "stop_words": "english"},
    "zh": {"analyzer": "char", "ngram_range": (2, 2)},
}


@dataclass(frozen=True)
class Topics:
    """The topics of one language: how tickets become weights of terms, the topics, and the labels, largest first."""

    terms: Pipeline
    factors: NMF
    order: npt.NDArray[np.int64]
    labels: tuple[str, ...]

    def weights(self, bodies: Sequence[str]) -> Floats:
        """Return how much of each topic (columns, the largest first) each ticket holds."""
        with one_thread():
            return np.round(self.factors.transform(self.terms.transform(bodies))[:, self.order], _DIGITS)


def fit(bodies: Sequence[str], people: Sequence[int | None], language: str, seed: int) -> Topics:
    """Fit `TOPICS` topics.

    Args:
        bodies: the tickets' texts.
        people: who wrote each; None where that is not known.
        language: a key of `text.LANGUAGES`.
        seed: of the factorisation.

    Raises:
        NotEnoughDataError: with too few tickets, or too few terms that enough people use.
    """
    name = text.LANGUAGES[language]
    if len(bodies) < MIN_TICKETS:
        raise NotEnoughDataError(f"Needs {MIN_TICKETS} {name} tickets; has {len(bodies)}.")
    vocabulary = common_terms(bodies, people, language)
    if len(vocabulary) < TOPICS:
        raise NotEnoughDataError(
            f"Needs {TOPICS} terms that {MIN_PEOPLE} people use in {name} tickets; has {len(vocabulary)}."
        )
    count = CountVectorizer(vocabulary=vocabulary, **_TERMS[language])
    terms = Pipeline([("count", count), ("weigh", TfidfTransformer(sublinear_tf=True))])
    with one_thread():
        weights = terms.fit_transform(bodies)
        factors = NMF(TOPICS, init="nndsvda", max_iter=400, random_state=seed).fit(weights)
        held = np.round(factors.transform(weights), _DIGITS)
    sizes = np.bincount(held[held.any(axis=1)].argmax(axis=1), minlength=TOPICS)
    order = np.argsort(-sizes, kind="stable")
    return Topics(terms, factors, order, tuple(_label(factors.components_[topic], vocabulary) for topic in order))


def common_terms(bodies: Sequence[str], people: Sequence[int | None], language: str) -> list[str]:
    """Return the terms that at least `MIN_PEOPLE` known people use and that no half of all tickets holds, sorted."""
    count = CountVectorizer(binary=True, **_TERMS[language])
    present = count.fit_transform(bodies)
    known = np.array([person is not None for person in people])
    _, person = np.unique(np.array([person for person in people if person is not None]), return_inverse=True)
    writers = sparse.csr_matrix((np.ones(len(person)), (person, np.flatnonzero(known))), (len(bodies), len(bodies)))
    users = ((writers @ present) > 0).sum(axis=0).A1 if len(person) else np.zeros(present.shape[1])
    kept = (users >= MIN_PEOPLE) & (MOST_TICKETS * len(bodies) >= present.sum(axis=0).A1)
    return sorted(count.get_feature_names_out()[kept].tolist())


def ticket_topics(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings
) -> tuple[pa.Table, tuple[ModelStatus, ...], Mapping[str, str]]:
    """Return the table `ticket_topics`, a status per language (`topics_en`, `topics_zh`), and plots by title."""
    parts, statuses = [TICKET_TOPICS.empty()], []
    plots: dict[str, str] = {}
    for language in text.LANGUAGES:
        name = f"topics_{language}"
        made = guard.tried(f"the model {name}", partial(_of_language, connection, language, settings))
        if isinstance(made, guard.Fault):
            statuses.append(ModelStatus(name, Status.FAILED, made.sentence))
        elif isinstance(made, NotEnoughDataError):
            statuses.append(ModelStatus(name, Status.INSUFFICIENT_DATA, str(made)))
        else:
            topics, table = made
            title = f"{name}: tickets by topic"
            plots |= guard.drawn({title: partial(_tickets_by_topic, title, table, topics.labels)})
            statuses.append(ModelStatus(name, Status.OK, champion="nmf", trained_on=settings.as_of))
            parts.append(table)
    return pa.concat_tables(parts).sort_by("ticket_key"), tuple(statuses), plots


def _of_language(
    connection: duckdb.DuckDBPyConnection, language: str, settings: ScoringSettings
) -> tuple[Topics, pa.Table] | NotEnoughDataError:
    try:
        topics = fit(*_training(connection, language, settings), language, settings.seed)
    except NotEnoughDataError as error:
        return error
    return topics, _score(connection, topics, language, settings)


def _tickets_by_topic(title: str, table: pa.Table, labels: Sequence[str]) -> str:
    counts = np.bincount(table["topic_id"].to_numpy(), minlength=TOPICS + 1)[1:]
    # The plots' font has no Chinese: there the topics go by their numbers.
    names = [label.replace(", ", "\n") if label.isascii() else str(number) for number, label in enumerate(labels, 1)]
    return bars(title, names, {"tickets": counts.tolist()})


def _training(
    connection: duckdb.DuckDBPyConnection, language: str, settings: ScoringSettings
) -> tuple[list[str], list[int | None]]:
    """Return the texts and writers of the tickets: the newest where there are too many to learn from."""
    bodies: list[str] = []
    people: list[int | None] = []
    most = min(settings.training_rows, text.MOST_TRAINING)
    for batch in text.texts(connection, settings.as_of, language, "ticket", most):
        bodies += batch["body"].to_pylist()
        people += batch["customer_key"].to_pylist()
    return bodies, people


def _score(connection: duckdb.DuckDBPyConnection, topics: Topics, language: str, settings: ScoringSettings) -> pa.Table:
    batches = []
    for batch in text.texts(connection, settings.as_of, language, "ticket"):
        weights = text.read_once(batch["body"].to_pylist(), topics.weights)
        found = weights.any(axis=1)
        batch, weights = batch.filter(pa.array(found)), weights[found]
        place = weights.argmax(axis=1)
        columns = {
            "customer_key": batch["customer_key"],
            "as_of_date": pa.repeat(pa.scalar(settings.as_of, pa.date32()), len(batch)),
            "ticket_key": batch["text_key"],
            "language": batch["language"],
            "topic_id": pa.array(place + 1),
            "topic": pa.array(np.array(topics.labels)[place]),
            "share": pa.array(np.round(weights.max(axis=1) / weights.sum(axis=1), _DIGITS)),
        }
        batches.append(pa.table(columns).cast(TICKET_TOPICS.schema))
    return pa.concat_tables([TICKET_TOPICS.empty(), *batches])


def _label(topic: Floats, vocabulary: Sequence[str]) -> str:
    """Return a topic's weightiest terms; of equal ones the alphabetically first."""
    return ", ".join(
        vocabulary[term] for term in np.argsort(-np.round(topic, _DIGITS), kind="stable")[:TERMS_PER_LABEL]
    )
