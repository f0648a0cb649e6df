"""Texts as people write them: short or long, of one mind or of two, ironic, misspelt, without a full stop.

How a text sounds follows what its writer feels, but loosely: the content grumble, the angry thank, many say little.
"""

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crm_pipeline.sample.channels.chinese import CHINESE
from crm_pipeline.sample.channels.english import ENGLISH
from crm_pipeline.sample.channels.phrases import TONES, Phrases
from crm_pipeline.sample.channels.portuguese import PORTUGUESE
from crm_pipeline.sample.tables import Texts

LANGUAGES = {"en": ENGLISH, "zh": CHINESE, "pt": PORTUGUESE}
GOOD_FROM, FAIR_FROM = 0.72, 0.48
# Shares of TONES in what people say who feel good, fair, bad.
_SAID = np.array([
    [0.4, 0.29, 0.16, 0.06, 0.005, 0.005, 0.08],
    [0.08, 0.26, 0.28, 0.26, 0.04, 0.03, 0.05],
    [0.02, 0.05, 0.18, 0.29, 0.33, 0.115, 0.015],
])  # fmt: skip
_MISREAD = 0.07
_TAGGED = 0.45
# Share of texts of one word or two, of one sentence, of two, of three.
_LENGTHS = (0.2, 0.36, 0.29, 0.15)
_MOST = len(_LENGTHS) - 1
_MISSPELT, _LOWER, _UNSTOPPED, _SHOUTED = 0.14, 0.15, 0.25, 0.02
CATEGORIES = frozenset(ENGLISH.problems)
OTHER = "other"


def comments(language: Iterable[str], feeling: NDArray[np.float64], rng: np.random.Generator) -> Texts:
    """Return what people say who feel so (0-1), each in their language."""
    said = [_said(LANGUAGES[name], *drawn) for name, drawn in zip(language, _drawn(feeling, rng), strict=True)]
    return _as_typed(said, rng)


def posts(language: Iterable[str], feeling: NDArray[np.float64], rng: np.random.Generator) -> Texts:
    """Return what people post, some of it with a tag."""
    said = comments(language, feeling, rng)
    tagged, pick = rng.random(len(said)) < 0.45, rng.random(len(said))
    tags = [LANGUAGES[name].tags for name in language]
    return np.array(
        [
            f"{text} {_one(tag, at)}" if told else text
            for text, told, tag, at in zip(said, tagged, tags, pick, strict=True)
        ],
        dtype=object,
    )


def tickets(
    language: Iterable[str], category: Iterable[str], feeling: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Texts, Texts]:
    """Return subject and message of what people write to the help desk about a problem of a category."""
    subjects, bodies = [], []
    for name, kind, drawn in zip(language, category, _drawn(feeling, rng), strict=True):
        subject, body = _ticket(LANGUAGES[name], kind if kind in CATEGORIES else OTHER, rng.random(11), *drawn)
        subjects.append(subject)
        bodies.append(body)
    return _as_typed(subjects, rng), _as_typed(bodies, rng)


Drawn = tuple[int, int, NDArray[np.int64], NDArray[np.float64]]


def _drawn(feeling: NDArray[np.float64], rng: np.random.Generator) -> list[Drawn]:
    """Draw for each text: mood (row of _SAID), number of sentences, their tones, and what picks them and fills them."""
    count = len(feeling)
    felt = np.asarray(feeling) + rng.normal(0, _MISREAD, count)
    mood = np.select([felt >= GOOD_FROM, felt >= FAIR_FROM], [0, 1], 2)
    number = rng.choice(len(_LENGTHS), count, p=_LENGTHS)
    tones = (rng.random((count, _MOST))[:, :, None] > np.cumsum(_SAID, axis=1)[mood][:, None, :]).sum(axis=2)
    picks = rng.random((count, 2 * _MOST + 1))
    return list(zip(mood.tolist(), number.tolist(), np.minimum(tones, len(TONES) - 1), picks, strict=True))


def _one(among: Sequence[str], pick: float) -> str:
    return among[int(pick * len(among))]


def _filled(text: str, phrases: Phrases, pick: float) -> str:
    for slot, values in phrases.fillers.items():
        if f"{{{slot}}}" in text:
            # The digits of one draw that no other choice looks at.
            text = text.replace(f"{{{slot}}}", _one(values, pick * 997 % 1))
    return text


def _said(phrases: Phrases, mood: int, number: int, tones: NDArray[np.int64], picks: NDArray[np.float64]) -> str:
    if number == 0:
        return _one(phrases.tiny[mood], picks[-1])
    pairs = zip(tones[:number].tolist(), picks[:number].tolist(), picks[_MOST:].tolist(), strict=False)
    sentences = [_filled(_one(phrases.sentences[tone], pick), phrases, fill) for tone, pick, fill in pairs]
    return phrases.between.join(dict.fromkeys(sentences))


def _ticket(
    phrases: Phrases, category: str, draw: NDArray[np.float64], mood: int, number: int, tones: NDArray[np.int64],
    picks: NDArray[np.float64],
) -> tuple[str, str]:  # fmt: skip
    """Put a message together: greeting, problem, something beside it, how the writer feels about it, and an ending."""
    problem = _filled(_one(phrases.problems[category], draw[0]), phrases, draw[1])
    about = problem if draw[2] < 0.5 else _filled(_one(phrases.problems[category], draw[2] * 7 % 1), phrases, draw[3])
    opening = _one(phrases.openings, draw[4]) if draw[5] < 0.6 else ""
    aside = _filled(_one(phrases.asides, draw[6]), phrases, draw[7]) if draw[8] < 0.4 else ""
    # How they feel is in half of the messages, more often where they feel bad.
    feels = _said(phrases, mood, min(number, 2), tones, picks) if number and draw[9] < (0.3, 0.35, 0.75)[mood] else ""
    ending = _one(phrases.endings, draw[10] * 13 % 1) if draw[10] < (0.7, 0.5, 0.3)[mood] else ""
    stop = "。" if phrases.between == "" else ("?" if draw[3] < 0.2 else ".")
    parts = [opening, problem + stop, aside, feels, ending]
    return about[:60], phrases.between.join(part for part in parts if part)


def _as_typed(texts: Sequence[str], rng: np.random.Generator) -> Texts:
    """Type texts as people do on a phone: letters swapped or lost, no capitals, no full stop, all in capitals."""
    count = len(texts)
    slips, ways, places = rng.random(count) < _MISSPELT, rng.random((count, 3)), rng.random((count, 3))
    typed = []
    for text, slip, way, place in zip(texts, slips.tolist(), ways.tolist(), places.tolist(), strict=True):
        text = _misspelt(text, place) if slip else text
        text = text.rstrip(".。") if way[0] < _UNSTOPPED else text
        text = text.lower() if way[1] < _LOWER else text
        typed.append(text.upper() if way[2] < _SHOUTED else text)
    return np.array(typed, dtype=object)


def _misspelt(text: str, places: Sequence[float]) -> str:
    """Swap two letters, and in long texts lose a third, within words; where there are accents, leave them out."""
    if not text.isascii():
        return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    for turn, share in enumerate(places[: 1 + (len(text) > 60)]):
        at = 1 + int(share * max(len(text) - 3, 0))
        if len(text) > at + 1 and text[at : at + 2].isalpha():
            text = text[:at] + (text[at + 1] + text[at] if turn == 0 else text[at]) + text[at + 2 :]
    return text
