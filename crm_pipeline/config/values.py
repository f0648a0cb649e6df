"""How values are written in words: those for yes and no, and the texts that a mapping gives another value for."""

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_pipeline.config.contract import Column
from crm_pipeline.config.strict import plain_text

TRUE_WORDS = ("true", "t", "yes", "y", "1", "1.0", "on")
FALSE_WORDS = ("false", "f", "no", "n", "0", "0.0", "off")


def as_texts(values: Any) -> dict[str, str | None]:
    """Return what `values` of a mapping says: the text in a file -> that of the value, None for no value.

    Raises:
        ValueError: if it is no mapping of plain values, or gives one text two values.
    """
    if not isinstance(values, Mapping) or not values:
        raise ValueError("a text and its value are expected, such as {sim: true, não: false}")
    texts: dict[str, str | None] = {}
    written: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, dict | list | tuple):
            raise ValueError(f"one value is expected for '{key}', such as {key}: true")  # noqa: TRY004
        text = None if value is None else plain_text(value).strip()
        name = plain_text(key).strip()
        other = written.setdefault(_folded(name), name)
        if texts.get(other, text) != text:
            raise ValueError(f"'{other}' and '{name}' are one text, whatever their case, and have two values. Keep one")
        texts.setdefault(other, text)
    return texts


def unfit_value(values: Mapping[str, str | None], column: Column) -> str | None:
    """Return the sentence on a value that a contract column cannot hold; None where it can hold all."""
    for key, text in values.items():
        if text is not None and (expected := _expected(text, column)):
            return f"'{text}' (for '{key}') is no value of {column.name}. Write {expected}"
    return None


def _expected(text: str, column: Column) -> str | None:
    """Return what is expected instead of a text; None where it is right."""
    if column.valid_values:
        known = {value.casefold() for value in column.valid_values}
        return None if text.casefold() in known else f"one of {', '.join(column.valid_values)}"
    kind = column.logical_type
    if kind == "boolean":
        return None if text.casefold() in (*TRUE_WORDS, *FALSE_WORDS) else "true or false"
    if kind in ("number", "integer"):
        number = _number(text)
        if number is None or (kind == "integer" and number % 1):
            return "a whole number" if kind == "integer" else "a number such as 12.5"
    if kind in ("date", "timestamp") and not _is_iso(text, kind):
        return "a date such as 2024-06-30" if kind == "date" else "a time such as 2024-06-30 12:00"
    return None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _is_iso(text: str, kind: str) -> bool:
    try:
        date.fromisoformat(text) if kind == "date" else datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
