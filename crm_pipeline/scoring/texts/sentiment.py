"""Sentiment of what people wrote, one model per language: the best of a lexicon and two classifiers.

A text that came with a rating is its own label: below half of the scale it is negative, from three quarters on
positive, and between them neutral. The shop's own classifier learns from texts said up to an origin and is tested,
beside the lexicon and the classifier that comes with the package, on those of the half year after it. Where too few
texts are rated, the shipped classifier speaks, untested on this shop; its own tests stand in its card.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.metrics import recall_score, roc_auc_score

from crm_pipeline.scoring.model import Floats, Inputs, NotEnoughDataError, Round, ScoringSettings
from crm_pipeline.scoring.table import AS_OF, PERSON, Column, ScoreTable
from crm_pipeline.scoring.texts import readers, shipped_classifier, text
from crm_pipeline.scoring.texts.languages import OTHER
from crm_pipeline.scoring.texts.readers import TONES, Lexicon, Reader
from crm_pipeline.show import plots

TEXT_SENTIMENT = ScoreTable(
    "text_sentiment",
    "One row per ticket, comment or mention with a text: its language and sentiment.",
    (
        Column.integer("customer_key", "The person; empty where nothing tells who."),
        AS_OF,
        Column.text("source", "social, survey or ticket.", required=True),
        Column.integer("text_key", "Key of the mention, answer or ticket.", required=True),
        Column.day("said_on", "Business day on which it was written."),
        Column.text("language", "en, zh or other."),
        Column.number("sentiment", "Sentiment, -1 to 1; empty for languages that are not read."),
        Column.text("label", "negative, neutral or positive; `language not supported` where nobody reads it."),
        Column.text("model_version", "Version of the model that scored; empty where none was tested on this shop."),
    ),
    key=("source", "text_key"),
    models=("sentiment_en", "sentiment_zh"),
)
"""One row per text, ordered by source and key. `sentiment` lies in -1..1; it is empty, and `label` is NOT_SUPPORTED,
for languages that nobody here reads. `model_version` is empty where the shipped classifier speaks, untested here."""

NOT_SUPPORTED = "language not supported"

CUSTOMER_SENTIMENT = ScoreTable(
    "customer_sentiment",
    "One row per person who wrote in the last 12 months: how they sounded.",
    (
        PERSON,
        AS_OF,
        Column.number("sentiment_last_12m", "Mean sentiment of what the person wrote in 12 months, -1 to 1."),
        Column.integer("texts_12m", "Texts of the last 12 months."),
        Column.integer("negative_texts_90d", "Negative texts of the last 90 days."),
    ),
    key=("customer_key",),
)
"""One row per person who wrote a text in the last 365 days; the mean is empty where none of them could be read."""

LEXICON, SHIPPED, CLASSIFIER, CONSTANT = "lexicon", "shipped_classifier", "classifier", "always_the_same"
NEGATIVE_BELOW, POSITIVE_FROM = 0.5, 0.75
TEST_DAYS, ORIGINS = 180, 3
MIN_TRAINING, MIN_TESTED = 50, 20
"""Texts of each tone that an origin needs before it to learn from, and after it to be tested on; the neutral tone is
left out where there are fewer."""


@dataclass(frozen=True)
class RatedTexts:
    """Rated texts, oldest first, with their tone: -1 negative, 0 neutral, 1 positive."""

    said_on: npt.NDArray[np.datetime64]
    bodies: npt.NDArray[np.object_]
    tones: npt.NDArray[np.int64]

    def where(self, mask: npt.NDArray[np.bool_]) -> "RatedTexts":
        """Return the texts that a mask selects."""
        return RatedTexts(self.said_on[mask], self.bodies[mask], self.tones[mask])

    def count(self, tone: int) -> int:
        """Return how many texts have a tone."""
        return int((self.tones == tone).sum())

    def rarer(self) -> int:
        """Return how many texts have the rarer of the clear tones."""
        return min(self.count(-1), self.count(1))


class Sentiment:
    """The sentiment model of one language, for the common run of all models."""

    table = TEXT_SENTIMENT
    score_column = "sentiment"
    candidates = (LEXICON, SHIPPED, CLASSIFIER)
    baselines = (CONSTANT,)
    metric = "auc"
    higher_is_better = True

    def __init__(self, language: str) -> None:
        """Choose one of the languages of `text.LANGUAGES`."""
        self.language = language
        self.name = f"sentiment_{language}"

    def prepare(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> RatedTexts:
        """Gather the rated texts.

        Raises:
            NotEnoughDataError: if no origin has enough texts of each label before and after it.
        """
        table = text.rated(connection, self.language, settings)
        rating = table["rating"].to_numpy()
        found = RatedTexts(
            table["said_on"].to_numpy().astype("datetime64[D]"),
            table["body"].to_numpy(zero_copy_only=False),
            (rating >= POSITIVE_FROM).astype(np.int64) - (rating < NEGATIVE_BELOW),
        )
        if not _splits(found, settings.as_of):
            raise NotEnoughDataError(
                f"Needs {MIN_TRAINING} {text.LANGUAGES[self.language]} texts with a good and {MIN_TRAINING} with a bad "
                f"rating, and {MIN_TESTED} later ones of each; has {found.count(1)} and {found.count(-1)}."
            )
        return found

    def rounds(self, prepared: RatedTexts, settings: ScoringSettings) -> Iterator[Round]:
        """Test all ways of reading on the rated texts of the half years after the origins."""
        for origin, before, after in _splits(prepared, settings.as_of):
            read = {
                name: _fit(self.language, name, before, settings.seed).read(after.bodies.tolist())
                for name in self.candidates
            }
            predictions = {name: said[:, 0] for name, said in read.items()} | {CONSTANT: np.zeros(len(after.tones))}
            yield Round(
                origin,
                after.tones.astype(float),
                predictions,
                {name: {"tone_recall": tone_recall(after.tones, said[:, 1])} for name, said in read.items()},
            )

    def measure(self, actual: Floats, predicted: Floats) -> Mapping[str, float]:
        """Return the area under the ROC curve, and the mean share of the clear tones on their side of 0."""
        clear = actual != 0
        right = [float((predicted[actual == 1] > 0).mean()), float((predicted[actual == -1] < 0).mean())]
        return {
            "auc": float(roc_auc_score(actual[clear], predicted[clear])),
            "balanced_accuracy": sum(right) / 2,
        }

    def fit(self, prepared: RatedTexts, candidate: str, settings: ScoringSettings) -> Reader:
        """Fit a way of reading on all rated texts."""
        return _fit(self.language, candidate, prepared, settings.seed)

    def training_data(self, prepared: RatedTexts) -> Iterable[npt.NDArray[Any]]:
        """Return days, texts and tones."""
        joined = "\n".join(prepared.bodies.tolist()).encode()
        return [prepared.said_on.astype(np.int64), np.frombuffer(joined, dtype=np.uint8), prepared.tones]

    def inputs(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Inputs:
        """Return the length of the rated texts and what the lexicon says of them."""
        bodies = text.rated(connection, self.language, settings)["body"].to_pylist()
        said = text.read_once(bodies, Lexicon(self.language).read)[:, 0]
        return Inputs(("characters", "lexicon"), np.column_stack([[len(body) for body in bodies], said]).astype(float))

    def score(
        self, connection: duckdb.DuckDBPyConnection, fitted: Reader, version: str | None, settings: ScoringSettings
    ) -> pa.Table:
        """Return the rows of `text_sentiment` of this language; nothing is refitted."""
        batches = []
        for batch in text.texts(connection, settings.as_of, self.language):
            said = text.read_once(batch["body"].to_pylist(), fitted.read)
            labels = TONES[said[:, 1].astype(np.int64) + 1]
            batches.append(_rows(batch, settings.as_of, pa.array(said[:, 0]), pa.array(labels), version))
        return pa.Table.from_batches(batches, schema=TEXT_SENTIMENT.schema)

    def card(self, prepared: RatedTexts, fitted: Reader, settings: ScoringSettings) -> Mapping[str, Any]:
        """Return what was learned from, in numbers: never a text."""
        return {
            "trained_from": str(prepared.said_on.min()),
            "texts": len(prepared.tones),
            "positive_share": round(prepared.count(1) / len(prepared.tones), 4),
            "neutral_share": round(prepared.count(0) / len(prepared.tones), 4),
            "terms": fitted.terms,
            "test_days": TEST_DAYS,
            "shipped_classifier": dict(shipped_classifier.load(self.language).card["about"]),
        }

    def plots(self, rounds: Sequence[Round], champion: str) -> Mapping[str, str]:
        """Return how the champion spreads the newest tested texts."""
        title = f"{self.name}: sentiment of rated texts by the {champion}"
        return {title: plots.histogram(title, "sentiment", rounds[-1].predictions[champion])}


def unmeasured(connection: duckdb.DuckDBPyConnection, language: str, settings: ScoringSettings) -> pa.Table:
    """Return the rows of `text_sentiment` of a language by the shipped classifier, for a model that gave none."""
    return Sentiment(language).score(connection, readers.shipped(language), None, settings)


def unread(connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> pa.Table:
    """Return the rows of `text_sentiment` in other languages, which nobody here reads."""
    batches = []
    for batch in text.texts(connection, settings.as_of, OTHER):
        nothing, label = pa.nulls(len(batch), pa.float64()), pa.repeat(pa.scalar(NOT_SUPPORTED), len(batch))
        batches.append(_rows(batch, settings.as_of, nothing, label, None))
    return pa.Table.from_batches(batches, schema=TEXT_SENTIMENT.schema)


def text_sentiment(
    connection: duckdb.DuckDBPyConnection, scores: Mapping[str, pa.Table], settings: ScoringSettings
) -> pa.Table:
    """Return the table `text_sentiment` of all languages.

    Args:
        connection: the warehouse.
        scores: the scores of the model of each language; where they are empty the shipped classifier speaks.
        settings: of the run.
    """
    parts = [
        scores[language] if len(scores[language]) else unmeasured(connection, language, settings)
        for language in text.LANGUAGES
    ]
    whole = pa.concat_tables([*parts, unread(connection, settings)])
    return whole.sort_by([("source", "ascending"), ("text_key", "ascending")])


def customer_sentiment(texts: pa.Table, as_of: date) -> pa.Table:
    """Return the table `customer_sentiment` from `text_sentiment`: what each person wrote lately."""
    with duckdb.connect() as connection:
        connection.register("texts", texts)
        # A mean of rounded values added up as decimals is the same in whatever order they come.
        return (
            connection.sql(
                """
                select customer_key, $as_of::date as as_of_date,
                    round(sum(sentiment::decimal(18, 9))::double / nullif(count(sentiment), 0), 9)
                        as sentiment_last_12m,
                    count(*) as texts_12m,
                    count(*) filter (where label = 'negative' and said_on > $as_of::date - 90) as negative_texts_90d
                from texts
                where customer_key is not null and said_on > $as_of::date - 365 and said_on <= $as_of
                group by customer_key
                order by customer_key
                """,
                params={"as_of": as_of},
            )
            .to_arrow_table()
            .cast(CUSTOMER_SENTIMENT.schema)
        )


def _splits(texts: RatedTexts, as_of: date) -> list[tuple[date, RatedTexts, RatedTexts]]:
    """Return the origins, oldest first, that have enough texts before and in the half year after them."""
    found = []
    for number in range(ORIGINS, 0, -1):
        origin = as_of - timedelta(days=TEST_DAYS * number)
        start = np.datetime64(origin, "D")
        before = texts.where(texts.said_on <= start)
        after = texts.where((texts.said_on > start) & (texts.said_on <= start + np.timedelta64(TEST_DAYS, "D")))
        if before.rarer() >= MIN_TRAINING and after.rarer() >= MIN_TESTED:
            found.append((origin, before, after))
    return found


def tone_recall(actual: npt.NDArray[np.int64], said: Floats) -> float:
    """Return the mean, over the tones that there are, of the share of the texts of a tone that are named so."""
    return float(recall_score(actual, said.astype(np.int64), labels=np.unique(actual), average="macro"))


def _fit(language: str, candidate: str, texts: RatedTexts, seed: int) -> Reader:
    """Fit a candidate; of neutral texts only where there are enough to know them by."""
    if candidate == LEXICON:
        return Lexicon(language)
    if candidate == SHIPPED:
        return readers.shipped(language)
    taught = texts if texts.count(0) >= MIN_TRAINING else texts.where(texts.tones != 0)
    return readers.own(language, taught.bodies.tolist(), taught.tones, seed)


def _rows(
    batch: pa.RecordBatch, as_of: date, sentiment: pa.Array, label: pa.Array, version: str | None
) -> pa.RecordBatch:
    count = len(batch)
    columns = [
        batch["customer_key"],
        pa.repeat(pa.scalar(as_of, pa.date32()), count),
        batch["source"],
        batch["text_key"],
        batch["said_on"],
        batch["language"],
        sentiment,
        label.cast(pa.string()),
        pa.repeat(pa.scalar(version, pa.string()), count),
    ]
    return pa.RecordBatch.from_arrays(
        [column.cast(kind.type) for column, kind in zip(columns, TEXT_SENTIMENT.schema, strict=True)],
        schema=TEXT_SENTIMENT.schema,
    )
