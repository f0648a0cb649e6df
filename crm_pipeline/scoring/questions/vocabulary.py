"""What features are called in a sentence: the table `reasons.csv`, and a readable form of any other name.

A sentence names values as `{feature}`; a part in square brackets falls away where a value in it is unknown. A feature
without a group there is never a reason.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.scoring.model import Floats

Values = Callable[[str], Floats]
"""Gives the values of a feature by name."""

_PERIODS = {
    "_prev_90d": " in the 90 days before the last 90",
    "_30d": " in the last 30 days",
    "_90d": " in the last 90 days",
    "_12m": " in 12 months",
    "_24m": " in 24 months",
}
_PART = re.compile(r"(\[[^\]]*\])")
_VALUE = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True)
class Word:
    """How a feature is spoken of: its group, the unit of its values, and a sentence for what is high, low, unknown."""

    group: str
    unit: str
    high: str
    low: str
    missing: str = ""


def word(feature: str) -> Word:
    """Return how a feature is spoken of; `column=value` as its column, with the value filled in."""
    column, is_text, value = feature.partition("=")
    known = _table().get(column)
    if known is None:
        return _unlisted(column, value if is_text else None)
    if not is_text:
        return known
    return Word(known.group, "yes", known.high.replace("{value}", value), known.low.replace("{value}", value))


def write(sentence: str, values: Values, currency: str) -> pa.Array:
    """Return a sentence with each person's own values; null where a value outside of brackets is unknown."""
    parts = [part for part in _PART.split(sentence) if part]
    texts = []
    for part in parts:
        optional = part.startswith("[")
        text = _filled(part.strip("[]") if optional else part, values, currency)
        texts.append(pc.fill_null(text, "") if optional and not isinstance(text, pa.Scalar) else text)
    return pc.binary_join_element_wise(*texts, "")


def named_in(sentence: str) -> list[str]:
    """Return the features that a sentence names."""
    return _VALUE.findall(sentence)


def amounts(values: Floats, unit: str, currency: str = "") -> pa.Array:
    """Return values as text in their unit; null where unknown."""
    unknown = np.isnan(values)
    known = np.where(unknown, 0, values)
    if unit in ("number", "times"):
        text = pa.array(np.round(known, 1) + 0.0).cast(pa.string())
        text = pc.replace_substring_regex(text, r"\.0$", "")
    else:
        whole = np.round(known * 100 if unit == "share" else known).astype(np.int64)
        text = pa.array(whole).cast(pa.string())
    after = {"share": " %", "money": f" {currency}" if currency else ""}.get(unit, "")
    text = pc.binary_join_element_wise(text, after, "") if after else text
    return pc.if_else(pa.array(unknown), pa.scalar(None, pa.string()), text)


@cache
def _table() -> dict[str, Word]:
    text = resources.files("crm_pipeline.scoring.questions").joinpath("reasons.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row.pop("feature"): Word(**row) for row in rows}


def _filled(part: str, values: Values, currency: str) -> pa.Array | pa.Scalar:
    pieces = _VALUE.split(part)
    texts: list[pa.Array | pa.Scalar] = [
        amounts(values(piece), word(piece).unit, currency) if place % 2 else pa.scalar(piece)
        for place, piece in enumerate(pieces)
        if piece
    ]
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "")


def _unlisted(column: str, value: str | None) -> Word:
    group, name = column.split("_")[0], column
    for ending, said in _PERIODS.items():
        if name.endswith(ending):
            name = name.removesuffix(ending) + said
            break
    name = name.replace("_", " ").capitalize()
    if value is not None:
        return Word(group, "yes", f"{name}: {value}", f"{name}: not {value}")
    if group in ("is", "has", "was"):
        return Word(column, "yes", f"{name}: yes", f"{name}: no")
    return Word(group, "number", f"{name}: {{{column}}}", f"{name}: {{{column}}}", f"{name}: unknown")
