"""Texts follow what their writers feel, but loosely, in each language."""

from collections.abc import Callable

import numpy as np
import pytest

from crm_pipeline.sample.channels import wording
from crm_pipeline.sample.channels.phrases import TONES
from crm_pipeline.sample.channels.wording import LANGUAGES

COUNT = 3_000


def comments(language: str, feeling: float, count: int = COUNT) -> list[str]:
    made = wording.comments([language] * count, np.full(count, feeling), np.random.default_rng(1))
    texts: list[str] = made.tolist()
    return texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_short_and_long_and_seldom_the_same(language: str) -> None:
    texts = comments(language, 0.6)
    lengths = np.array([len(text) for text in texts])
    assert min(lengths) >= 1
    assert np.quantile(lengths, 0.9) > 4 * np.quantile(lengths, 0.1)
    longer = [text for text in texts if len(text) > np.median(lengths)]
    assert len(set(longer)) > 0.8 * len(longer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_slot_is_left_open(language: str) -> None:
    kinds = [*LANGUAGES[language].problems, "something else"]
    count = COUNT // len(kinds) * len(kinds)
    subjects, bodies = wording.tickets(
        [language] * count, kinds * (count // len(kinds)), np.full(count, 0.4), np.random.default_rng(2)
    )
    assert not [text for text in (*subjects, *bodies, *comments(language, 0.9)) if "{" in text or not text.strip()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_words_come_from_the_content_and_from_the_angry(language: str) -> None:
    # Chinese words are not set apart: there the characters stand for them.
    parts: Callable[[str], list[str]] = list if language == "zh" else str.split
    told = {feeling: set(parts(" ".join(comments(language, feeling)).lower())) for feeling in (0.2, 0.95)}
    assert len(told[0.2] & told[0.95]) > 0.3 * len(told[0.2] | told[0.95])


def test_people_misspell_forget_capitals_and_shout() -> None:
    texts = comments("en", 0.3)
    assert 0.1 < np.mean([text == text.lower() for text in texts]) < 0.5
    assert any(text.isupper() and len(text) > 20 for text in texts)
    words = {word for text in comments("en", 0.3, 200) for word in text.lower().split()}
    plain = {word.lower() for tone in LANGUAGES["en"].sentences for text in tone for word in text.split()}
    assert len(words - plain) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_can_say_everything(language: str) -> None:
    phrases = LANGUAGES[language]
    assert len(phrases.sentences) == len(TONES)
    assert min(len(tone) for tone in phrases.sentences) >= 8
    assert set(phrases.problems) == wording.CATEGORIES
