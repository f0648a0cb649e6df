"""The classifiers that come with the package, for shops whose own texts teach too little: one per language.

`shipped/<language>.parquet` holds pieces of words, how rare each is, and its weight for each tone; beside it lies its
card (`.json`): sources and licences, what it was tested on, and the numbers that belong to no piece. Reading them runs
nothing. The score of the language's lexicon is one more input, so that what a lexicon knows is known here too.
`python -m tests.train_texts` makes both files.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.texts import sentiment_lexicon

FOLDER = Path(__file__).with_name("shipped")
PIECES: dict[str, dict[str, Any]] = {
    "en": {"analyzer": "char_wb", "ngram_range": (2, 4)},
    "zh": {"analyzer": "char", "ngram_range": (1, 2)},
}
"""What a text is cut into: pieces of words in English (they forgive spelling), characters and pairs in Chinese."""


@dataclass(frozen=True)
class ShippedClassifier:
    """A multinomial logistic regression on pieces of words and the lexicon's score."""

    language: str
    card: Mapping[str, Any]
    pieces: TfidfVectorizer
    weights: Floats

    @property
    def tones(self) -> list[int]:
        """The tones told apart: -1 negative, 0 neutral, 1 positive."""
        return [int(tone) for tone in self.card["tones"]]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return the probability of each tone (columns, as in `tones`) of each text."""
        with one_thread():
            told = sparse.hstack([self.pieces.transform(texts), lexicon_column(self.language, texts)]).tocsr()
            logits = told @ self.weights + np.array(self.card["intercepts"])
        grown = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Floats = grown / grown.sum(axis=1, keepdims=True)
        return shares


def lexicon_column(language: str, texts: Sequence[str]) -> sparse.csr_matrix:
    """Return the lexicon's score as a column beside the pieces, on their scale."""
    return sparse.csr_matrix(4 * sentiment_lexicon.score(language, texts)[:, None])


def version(language: str) -> str:
    """Return 12 hex digits that follow from what is shipped for a language."""
    card, table = _files(language)
    return hashlib.sha256(card.read_bytes() + table.read_bytes()).hexdigest()[:12]


@cache
def load(language: str) -> ShippedClassifier:
    """Return the classifier of a language of PIECES."""
    card_file, table_file = _files(language)
    card = json.loads(card_file.read_text(encoding="utf-8"))
    table = pq.read_table(table_file)
    pieces = TfidfVectorizer(**PIECES[language], sublinear_tf=True, vocabulary=table["piece"].to_pylist())
    pieces.idf_ = table["idf"].to_numpy().astype(np.float64)
    columns = [table[f"weight_{place}"].to_numpy().astype(np.float64) for place in range(len(card["tones"]))]
    weights = np.vstack([np.column_stack(columns), card["lexicon_weights"]])
    return ShippedClassifier(language, card, pieces, weights)


def _files(language: str) -> tuple[Path, Path]:
    return FOLDER / f"{language}.json", FOLDER / f"{language}.parquet"
