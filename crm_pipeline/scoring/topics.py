"""What tickets are about: topics found in their words, one model per language.

Non-negative matrix factorisation of TF-IDF weights (Lee and Seung, 1999): words in English, pairs of characters in
Chinese, which needs no segmentation. A topic's label are its weightiest terms; a term is only known to the model when
tickets of at least `MIN_PEOPLE` different people hold it, so that no label tells of one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from crm_pipeline.scoring import text
from crm_pipeline.scoring.frame import Floats, ModelStatus, NotEnoughDataError, ScoringSettings, Status
from crm_pipeline.scoring.learners import one_thread
from crm_pipeline.scoring.plots import bars

TICKET_TOPIC_SCHEMA = pa.schema(
    [
        ("customer_key", pa.int64()),
        ("as_of_date", pa.date32()),
        ("ticket_key", pa.int64()),
        ("language", pa.string()),
        ("topic_id", pa.int64()),
        ("topic", pa.string()),
        ("share", pa.float64()),
    ]
)
"""One row per ticket, ordered by its key: its weightiest topic, numbered from 1 within its language, the largest first,
and the topic's share (0-1) of all topics' weight in it. Tickets that hold no term of any topic have no row."""

TOPIC_NUMBERS = (4, 6, 8, 10)
MIN_TICKETS, MIN_PEOPLE, MIN_SHARE = 200, 20, 0.005
TERMS_PER_LABEL = 3
_TERMS = {"en": {"token_pattern": r"(?u)\b[^\W\d_]{3,}\b", "stop_words": "english"},
          "zh": {"analyzer": "char", "ngram_range": (2, 2)}}
_DIGITS = 9


@dataclass(frozen=True)
class Topics:
    """Fitted topics of one language, the largest first: terms, their inverse frequency, and topics x terms."""

    language: str
    vocabulary: tuple[str, ...]
    rarity: TfidfTransformer
    factors: NMF
    labels: tuple[str, ...]
