"""The forms of dates and times that pipeline.yml may name beside those of strptime."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NumberFormat:
    """A moment written as a number: the pattern of such a number, and the SQL of the moment.

    `is_instant` tells a moment of the whole world from a time on the wall of its place.
    """

    pattern: str
    moment: str
    is_instant: bool


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
