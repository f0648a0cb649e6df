"""What invented people write, in each language: sentences by how they sound, problems by category, and what fills them.

A sentence may hold `{product}`, `{number}` or `{day}`. Sentences that say the opposite of their words are told apart
from those that mean it: `IRONIC` is praise meant as blame, `UNDERSTATED` blame's words meant as praise.
"""

from dataclasses import dataclass

LOVED, LIKED, PLAIN, DISLIKED, HATED, IRONIC, UNDERSTATED = range(7)
TONES = ("loved", "liked", "plain", "disliked", "hated", "ironic", "understated")


@dataclass(frozen=True)
class Phrases:
    """One language.

    Attributes:
        sentences: for each of TONES, what people say.
        tiny: for good, fair and bad feelings, the whole of a short text.
        openings, endings: of a message to the help desk; many leave them out.
        problems: what a message to the help desk is about, by category.
        asides: what is told beside a problem.
        tags: what a post ends in.
        fillers: for each slot, what stands there.
        between: what stands between two sentences.
    """

    sentences: tuple[tuple[str, ...], ...]
    tiny: tuple[tuple[str, ...], ...]
    openings: tuple[str, ...]
    endings: tuple[str, ...]
    problems: dict[str, tuple[str, ...]]
    asides: tuple[str, ...]
    tags: tuple[str, ...]
    fillers: dict[str, tuple[str, ...]]
    between: str = " "


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of a block of text."""
    return tuple(line.strip() for line in text.strip().splitlines())
