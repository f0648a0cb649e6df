"""What the values of a column mean that may hold certain values only: states, yes and no, in several languages."""

from collections import Counter
from dataclasses import dataclass

from crm_pipeline.config.contract import Column
from crm_pipeline.config.values import FALSE_WORDS, TRUE_WORDS
from crm_pipeline.raw.guessing.values import ENOUGH
from crm_pipeline.raw.guessing.words import folded, vocabularies

#: Share of the values that have to be known, so that a column is taken for what it is called.
_KNOWN = 0.5
#: More values than these are no states.
_MOST_VALUES = 40
_STATES_OF_ORDERS = "orders.status"
_LINES = "order_lines.status"


@dataclass(frozen=True)
class Allowed:
    """Texts of a file and the values of the contract that they mean; none where they are those values themselves."""

    values: dict[str, str]
    unknown: tuple[str, ...] = ()


def meaning_of(channel: str, column: Column, texts: list[str]) -> Allowed | None:
    """Return what the texts of a column mean; None where most of them mean nothing that its contract allows."""
    here = Counter(" ".join(text.casefold().split()) for text in texts)
    names = _names(channel, column)
    own = _own_words(column)
    if all(text in own for text in here):
        return Allowed({})
    if len(here) > _MOST_VALUES:
        return Allowed({}) if sum(here[text] for text in own) >= ENOUGH * here.total() else None
    known = {text: names[plain] for text in here if (plain := _plain(text)) in names}
    if sum(here[text] for text in known) < _KNOWN * here.total():
        return None
    return Allowed(known, tuple(text for text, _ in here.most_common() if text not in known))


def _own_words(column: Column) -> set[str]:
    """Return the texts that a run reads without being told."""
    if column.logical_type == "boolean":
        return {*TRUE_WORDS, *FALSE_WORDS}
    return {value.casefold() for value in column.valid_values}


def _names(channel: str, column: Column) -> dict[str, str]:
    """Return what each value may be called, without case and accents; what could mean two values is left out."""
    if column.logical_type == "boolean":
        named = [vocabulary.booleans for vocabulary in vocabularies().values()]
        own = {"true": TRUE_WORDS, "false": FALSE_WORDS}
        named.append({value: list(words) for value, words in own.items()})
    else:
        place = f"{channel}.{column.name}"
        keys = (_STATES_OF_ORDERS if place == _LINES else place, column.name)
        named = [vocabulary.values.get(key, {}) for vocabulary in vocabularies().values() for key in keys]
        named.append({value: [value] for value in column.valid_values})
    meant: dict[str, set[str]] = {}
    for values in named:
        for value, words in values.items():
            for word in words:
                meant.setdefault(_plain(word), set()).add(value)
    return {word: next(iter(values)) for word, values in meant.items() if len(values) == 1}


def _plain(text: str) -> str:
    return " ".join("".join(letter if letter.isalnum() else " " for letter in folded(text)).split())
