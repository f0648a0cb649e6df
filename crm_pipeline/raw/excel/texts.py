"""What a cell's value is as text: that which a CSV export of the sheet would hold."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal

_MAX_DIGITS = 15
# Control characters, and the underscore of what looks like one; any other text of this shape is meant as it stands.
_ESCAPED = re.compile("_x(00[01][0-9A-Fa-f]|005[Ff])_")


class CellError(str):
    """The text of a cell that holds an error, such as #N/A."""

    __slots__ = ()


def text_of(value: object, only_date: bool = True) -> str | None:
    """Return a cell's value as text: dates in ISO 8601, numbers as short as the spreadsheet program shows them.

    Args:
        value: the value.
        only_date: whether a time at midnight is shown as the day alone.
    """
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return _moment(value, only_date) if isinstance(value, date | time) else str(value)


def unescaped(text: str) -> str:
    """Return a text with the control characters that workbooks write as _x000D_."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _moment(value: date | time, only_date: bool) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    return value.date().isoformat() if only_date and value.time() == time() else value.isoformat(sep=" ")


def _number(value: float) -> str:
    """Return a number with the 15 digits that a spreadsheet keeps; more of them are noise of the binary fraction."""
    text = format(value, f".{_MAX_DIGITS}g")
    return format(Decimal(text), "f") if "e" in text else text
