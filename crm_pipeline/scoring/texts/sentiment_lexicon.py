"""Sentiment by lexicon, without training: VADER for English, a list of weighed words for Chinese.

Both add up the valence of the words that a text contains, turn it round after a negation, and bring the sum s into
-1..1 as s / sqrt(s^2 + 15) (Hutto and Gilbert, VADER, ICWSM 2014). The Chinese list (`sentiment_zh.csv`, valence -3..3)
holds common words of reviews and needs no segmentation: the longest term at a place counts.
"""

import csv
import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from crm_pipeline.scoring.model import Floats

_CHINESE_WORDS = Path(__file__).with_name("sentiment_zh.csv")
_NEGATION = "不是很|不是|不太|不够|不怎么|没有|没那么|并不|毫不|不|没|别|无|未"
_NORM = 15


def english(text: str) -> float:
    """Return VADER's compound score."""
    return float(_vader().polarity_scores(text)["compound"])


def chinese(text: str) -> float:
    """Return the normalised sum of the valences of the terms in a text; a negation right before a term turns it."""
    valences, pattern = _chinese_terms()
    total = sum(
        valences[found["whole"]] if found["whole"] else -valences[found["negated"]] for found in pattern.finditer(text)
    )
    return total / math.sqrt(total * total + _NORM)


LEXICONS: dict[str, Callable[[str], float]] = {"en": english, "zh": chinese}


def score(language: str, texts: Sequence[str]) -> Floats:
    """Return the sentiment (-1 to 1) of texts in one of the languages of LEXICONS."""
    return np.array([LEXICONS[language](text) for text in texts], dtype=np.float64)


@cache
def _vader() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


@cache
def _chinese_terms() -> tuple[dict[str, int], re.Pattern[str]]:
    with _CHINESE_WORDS.open(encoding="utf-8", newline="") as lines:
        valences = {row["term"]: int(row["valence"]) for row in csv.DictReader(lines)}
    terms = "|".join(re.escape(term) for term in sorted(valences, key=lambda term: (-len(term), term)))
    # A term that itself begins with a negation ("not bad") is one word: it is tried first.
    return valences, re.compile(f"(?P<whole>{terms})|(?:{_NEGATION})(?P<negated>{terms})")
