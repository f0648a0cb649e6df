"""Names and sentences for groups of people, from what sets them apart from everybody.

A name follows from the group's differences alone: adjectives, then the channel, then what they buy, as in "Frequent
high-spending store shoppers: Bakery, Deli". The words stand in `persona_features.csv`.
"""

from collections.abc import Collection, Sequence

import numpy as np

from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.segmentation.persona_features import Feature

APART = 0.25
"""Standard deviations from everybody's mean from which on a difference is worth a word."""
_WORDS = {"adjective": 2, "channel": 1, "category": 2}
_TOLD = 4


def name(differences: Floats, traits: Sequence[Feature], taken: Collection[str] = ()) -> str:
    """Return a name that is not taken; the fewest words beyond the usual that make it unique.

    Args:
        differences: mean of each trait in standard deviations from everybody's mean.
        traits: the traits, in the same order.
        taken: names of other groups.
    """
    ranked = [place for place in _by_difference(differences) if _word(differences[place], traits[place])]
    for more in range(len(ranked) + 1):
        found = _phrase(_chosen(differences, traits, ranked, more), differences, traits)
        if found not in taken:
            return found
    return next(numbered for number in range(2, len(taken) + 3) if (numbered := f"{found} ({number})") not in taken)


def describe(differences: Floats, means: Floats, everybody: Floats, traits: Sequence[Feature]) -> str:
    """Return a sentence with the traits that differ most, each with its mean in the group and among everybody."""
    told = [
        f"{traits[place].label} {means[place]:.3g} (everybody {everybody[place]:.3g})"
        for place in _by_difference(differences)[:_TOLD]
        if abs(differences[place]) >= APART
    ]
    return f"What sets them apart: {'; '.join(told)}." if told else "They are much like everybody."


def _by_difference(differences: Floats) -> list[int]:
    """Return the places of the traits, those that differ most first; rounded, so that last bits never decide."""
    return [int(place) for place in np.argsort(-np.round(np.abs(differences), 6), kind="stable")]


def _word(difference: float, trait: Feature) -> str:
    return (trait.low, "", trait.high)[1 + int(np.sign(difference))]


def _chosen(differences: Floats, traits: Sequence[Feature], ranked: Sequence[int], more: int) -> list[int]:
    """Return the places of the traits worth a word, at most so many of each role, and `more` beyond them."""
    chosen: list[int] = []
    for place in ranked:
        alike = sum(traits[other].role == traits[place].role for other in chosen)
        if abs(differences[place]) >= APART and alike < _WORDS[traits[place].role]:
            chosen.append(place)
    return chosen + [place for place in ranked if place not in chosen][:more]


def _phrase(chosen: Sequence[int], differences: Floats, traits: Sequence[Feature]) -> str:
    words = {
        role: [_word(differences[place], traits[place]) for place in sorted(chosen) if traits[place].role == role]
        for role in _WORDS
    }
    who = " ".join([*words["adjective"], *words["channel"], "shoppers"])
    liked = ", ".join(words["category"])
    return who[0].upper() + who[1:] + (f": {liked}" if liked else "")
