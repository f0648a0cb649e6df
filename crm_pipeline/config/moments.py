"""The forms of dates and times that pipeline.yml may name beside those of strptime."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class NumberFormat:
    """A moment written as a number: the pattern of such a number, and the SQL of the moment.

    `is_instant` tells a moment of the whole world from a time on the wall of its place.
    """

    pattern: str
    moment: str
    is_instant: bool


_LETTERS = """
CET +01:00; MEZ +01:00; WEST +01:00; CEST +02:00; MESZ +02:00; EET +02:00; SAST +02:00
EEST +03:00; MSK +03:00; WET +00:00
HKT +08:00; SGT +08:00; AWST +08:00; JST +09:00; KST +09:00; AEST +10:00; AEDT +11:00; NZST +12:00; NZDT +13:00
BRT -03:00; ART -03:00; EDT -04:00; MDT -06:00; PDT -07:00; HST -10:00; CDT -05:00 -04:00; EST -05:00 +10:00
CST -06:00 +08:00; MST -07:00 +08:00; PST -08:00 +08:00; BST +01:00 +06:00; IST +05:30 +01:00 +02:00; AST -04:00 +03:00
GST +04:00 -02:00
"""
#: Offsets of time zones by the letters that people write for them; several where the letters mean several zones.
ABBREVIATIONS = {
    name: tuple(offsets) for name, *offsets in (entry.split() for entry in re.split("[;\n]", _LETTERS.strip()))
}
_DIRECTIVE = re.compile("%[-#]?.")
_UTC = re.compile(r"(?<![A-Za-z])(UTC|GMT|Z)(?![A-Za-z]|\s?[+-]\d)")
_OFFSET = re.compile(r"(?:(?:UTC|GMT)\s?(?=[+-])|(?<![\d:.])(?=[+-]\d\d))([+-])(\d{1,2}):?(\d{2})?\s*$")


def plain_letters(form: str) -> str:
    """Return what a format says beside its directives."""
    return _DIRECTIVE.sub(" ", form)


def said_offset(form: str) -> int | None:
    """Return the minutes before UTC that a format says in plain letters, such as UTC or +02:00; None for none."""
    letters = plain_letters(form)
    if _UTC.search(letters):
        return 0
    offset = _OFFSET.search(letters)
    return int(f"{offset[1]}1") * (60 * int(offset[2]) + int(offset[3] or 0)) if offset else None


def said_abbreviation(form: str) -> str | None:
    """Return the letters of a zone that a format holds as plain text, which a run would not take for a zone."""
    return next((word for word in re.findall("[A-Z]+", plain_letters(form)) if word in ABBREVIATIONS), None)


_NUMBER = "replace({text}, ',', '.')::double"
# A number too short would be a moment in 1970, and is another unit or no value.
NUMBER_FORMATS = {
    # Day 60 is the 29 February 1900 that never was; a spreadsheet keeps times to the millisecond.
    "excel": NumberFormat(
        r"(6[1-9]|[7-9]\d|\d{3,7})([.,]\d+)?",
        f"timestamp '1899-12-30' + to_milliseconds(round({_NUMBER} * 86400000)::bigint)",
        is_instant=False,
    ),
    "epoch": NumberFormat(r"\d{9,11}([.,]\d+)?", f"to_timestamp({_NUMBER})", is_instant=True),
    "epoch_ms": NumberFormat(r"\d{12,14}([.,]\d+)?", f"to_timestamp({_NUMBER} / 1000)", is_instant=True),
}
