"""Three ways of reading a text, simplest first: by a lexicon, by the shipped classifier, by one of the shop's own.

Each gives two columns: the sentiment (-1 to 1) and the tone (-1 negative, 0 neutral, 1 positive). A classifier that has
learnt middling texts names the likelier of three tones; where it knows good and bad alone, what is near 0 is neutral.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats, SchemaMismatchError
from crm_pipeline.scoring.texts import sentiment_lexicon, shipped_classifier

TONES = np.array(["negative", "neutral", "positive"])
"""The name of each tone, from -1 to 1."""
LEXICON_BAND, EVEN_BAND = 0.05, 1 / 3
"""Half-width of what is neutral: VADER's own, and for two classes odds of two to one."""

_DIGITS = 9


class Reader(Protocol):
    """A fitted way of reading a language."""

    @property
    def terms(self) -> int:
        """How many terms it learnt from the shop's own texts."""

    def read(self, texts: Sequence[str]) -> Floats:
        """Return sentiment and tone of each text."""


@dataclass(frozen=True)
class Lexicon:
    """The lexicon of a language."""

    language: str
    terms: int = 0

    def read(self, texts: Sequence[str]) -> Floats:
        """Return the lexicon's score, and its sign outside of a narrow band."""
        return by_band(sentiment_lexicon.score(self.language, texts), LEXICON_BAND)


@dataclass(frozen=True)
class Shipped:
    """The shipped classifier of a language, in the version that it had when it was chosen."""

    language: str
    version: str
    terms: int = 0

    def read(self, texts: Sequence[str]) -> Floats:
        """Return what the shipped classifier says.

        Raises:
            SchemaMismatchError: if another one is shipped by now.
        """
        if self.version != shipped_classifier.version(self.language):
            raise SchemaMismatchError(f"The shipped classifier ({self.language}) is another one by now.")
        classifier = shipped_classifier.load(self.language)
        return by_probability(classifier.probabilities(texts), classifier.tones)


@dataclass(frozen=True)
class Own:
    """A classifier trained on the shop's own rated texts."""

    pipeline: Pipeline

    @property
    def terms(self) -> int:
        """How many terms it knows."""
        return len(self.pipeline["terms"].vocabulary_)

    def read(self, texts: Sequence[str]) -> Floats:
        """Return what the shop's own classifier says."""
        with one_thread():
            shares = self.pipeline.predict_proba(texts)
        return by_probability(shares, self.pipeline["model"].classes_.tolist())


def own(language: str, texts: Sequence[str], tones: npt.NDArray[np.int64], seed: int) -> Own:
    """Return a classifier that learnt the tones of texts."""
    pieces = TfidfVectorizer(**shipped_classifier.PIECES[language], sublinear_tf=True, min_df=3, max_features=50_000)
    model = LogisticRegression(C=3.0, class_weight="balanced", max_iter=1000, random_state=seed)
    with one_thread():
        return Own(Pipeline([("terms", pieces), ("model", model)]).fit(texts, tones))


def shipped(language: str) -> Reader:
    """Return the shipped classifier of a language as it is."""
    return Shipped(language, shipped_classifier.version(language))


def by_band(sentiment: Floats, band: float) -> Floats:
    """Return sentiments with the tone that follows from them alone."""
    return np.column_stack([sentiment, np.where(np.abs(sentiment) < band, 0, np.sign(sentiment))])


def by_probability(shares: Floats, tones: Sequence[int]) -> Floats:
    """Return what the probabilities of tones say: good less bad, and the likeliest tone where three are known."""
    sentiment = np.round(shares[:, tones.index(1)] - shares[:, tones.index(-1)], _DIGITS)
    if 0 not in tones:
        return by_band(sentiment, EVEN_BAND)
    return np.column_stack([sentiment, np.array(tones)[np.round(shares, _DIGITS).argmax(axis=1)]])
