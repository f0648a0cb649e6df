"""What the values of a column are: times in which format, numbers with which decimal sign.

A guess is a part of a column's mapping in pipeline.yml, and a sentence where someone should look at it.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from crm_pipeline.raw.source_rows import quoted

#: Share of the values that a guess has to explain; the others are dirt.
ENOUGH = 0.9
_TIME_OF_DAY = {
    r"": "",
    r"[ T]\d{1,2}:\d{2}": "%H:%M",
    r"[ T]\d{1,2}:\d{2}:\d{2}": "%H:%M:%S",
    r" \d{1,2}:\d{2} ?[AaPp][Mm]": "%I:%M %p",
    r" \d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]": "%I:%M:%S %p",
}
_ISO = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?")
_ISO_SPACE_OFFSET = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} [+-]\d{2}:?\d{2}")
_NUMERIC_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(\D.*)?")
_NAMED_MONTH = {
    r"\d{1,2} [A-Za-z]{3} \d{4}": "%d %b %Y",
    r"\d{1,2}-[A-Za-z]{3}-\d{4}": "%d-%b-%Y",
    r"\d{1,2}-[A-Za-z]{3}-\d{2}": "%d-%b-%y",
    r"\d{1,2} [A-Za-z]{4,} \d{4}": "%d %B %Y",
    r"[A-Za-z]{3} \d{1,2}, \d{4}": "%b %d, %Y",
    r"[A-Za-z]{4,} \d{1,2}, \d{4}": "%B %d, %Y",
    r"(19|20)\d{2}(0[1-9]|1[0-2])[0-3]\d": "%Y%m%d",
    r"\d{4}\.\d{1,2}\.\d{1,2}": "%Y.%m.%d",
}
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}([. \u00a0\u202f]\d{3})+)(,\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?")
_AT_LEAST = re.compile(r"\d+\+?")
_DRESSED = re.compile(r"([^\d+.,()-]*)([+-]?[\d.,\u00a0\u202f]*\d)([^\d()]*)")
_SHORTENED = re.compile(r"\d([.,]\d+)?[eE]\+\d{2}")


@dataclass(frozen=True)
class Guess:
    """What to write into a column's mapping, and what is doubtful about it.

    `sql` holds `{column}` where the quoted name of the source column goes.
    """

    format: str | None = None
    decimal: str | None = None
    sql: str | None = None
    doubt: str | None = None

    def mapping(self, column: str) -> dict[str, str]:
        """Return the mapping of a contract column to a source column."""
        origin = {"sql": self.sql.format(column=quoted(column))} if self.sql else {"from": column}
        return origin | {key: value for key in ("format", "decimal") if (value := getattr(self, key))}


@dataclass
class _Dates:
    """Numeric dates of one shape: separator, digits of the year, time of day."""

    formats: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    first: int = 0
    second: int = 0


def guess_moments(texts: list[str]) -> Guess | None:
    """Return how dates or times are written; None where the values are none."""
    if not texts:
        return None
    forms = _forms(texts)
    numeric = _numeric_dates(texts)
    if numeric.formats:
        (separator, digits, time), times = numeric.formats.most_common(1)[0]
        forms[_written(separator, digits, time, "%d", "%m")] += times
    if not forms or forms.total() < ENOUGH * len(texts):
        return None
    form, times = forms.most_common(1)[0]
    others = [other for other in forms if other != form]
    doubt = None
    if others:
        doubt = f"not all values are written alike ({_named(form)}, and {', '.join(map(_named, others))})"
    if form.startswith("%d") and numeric.formats and form == _written(separator, digits, time, "%d", "%m"):
        return _day_or_month_first(numeric, (separator, digits, time), doubt)
    return Guess(format=form or None, doubt=doubt)


def guess_numbers(texts: list[str]) -> Guess | None:
    """Return how numbers are written; None where the values are none."""
    if not texts:
        return None
    if _share(_PLAIN, texts) == 1:
        return Guess()
    with_comma = [text for text in texts if "," in text]
    if with_comma and _share(_THOUSANDS, texts) >= ENOUGH:
        certain = any(re.search(r",\d{3},|\d{4,}|\.", text) for text in texts)
        doubt = None if certain else "1,234 may be a thousand or a decimal number"
        return Guess(sql="replace({column}, ',', '')", doubt=doubt)
    if _share(_COMMA, texts) >= ENOUGH and (with_comma or _share(_PLAIN, texts) < ENOUGH):
        return Guess(decimal=",")
    if _share(_AT_LEAST, texts) >= max(ENOUGH, _share(_PLAIN, texts)):
        return Guess(sql="replace({column}, '+', '')")
    return Guess() if _share(_PLAIN, texts) >= ENOUGH else _undressed(texts)


def is_shortened(text: str) -> bool:
    """Tell an identifier of which a spreadsheet program has kept a rounded number only."""
    return _SHORTENED.fullmatch(text) is not None


def have_lost_zeros(texts: list[str]) -> bool:
    """Tell codes of a fixed length from which leading zeros are gone: all digits, some one or two too short."""
    if not texts or not all(text.isdecimal() for text in texts):
        return False
    lengths = Counter(map(len, texts))
    longest = max(lengths)
    shorter = sum(times for length, times in lengths.items() if length < longest)
    usual = lengths[longest] > len(texts) / 2 and min(lengths) >= longest - 2
    return longest >= 4 and usual and shorter > 0 and not any(text.startswith("0") for text in texts)


def _forms(texts: list[str]) -> Counter[str]:
    """Count the formats of the values that tell it by themselves."""
    forms = Counter(form for text in texts if (form := _form(text)) is not None)
    in_may = Counter(_form(text) for text in texts if "may" in text.casefold())
    for form, times in in_may.items():
        # May is short for itself: it is written in full where the other months are.
        if form and forms[form] == times and forms[full := form.replace("%b", "%B")] and full != form:
            forms[full] += forms.pop(form)
    return +forms


def _form(text: str) -> str | None:
    """Return the format of a value that tells it by itself; '' for ISO 8601, which needs none."""
    if _ISO.fullmatch(text):
        return ""
    if _ISO_SPACE_OFFSET.fullmatch(text):
        return "%Y-%m-%d %H:%M:%S %z"
    for day, day_format in _NAMED_MONTH.items():
        for time, time_format in _TIME_OF_DAY.items():
            if re.fullmatch(day + time, text):
                return f"{day_format}{_joined(text, time_format)}"
    return None


def _numeric_dates(texts: list[str]) -> _Dates:
    found = _Dates()
    for text in texts:
        if not (date := _NUMERIC_DATE.fullmatch(text)):
            continue
        rest = date[5] or ""
        time = next((form for time, form in _TIME_OF_DAY.items() if re.fullmatch(time, rest)), None)
        if time is None or max(int(date[1]), int(date[3])) > 31:
            continue
        found.formats[date[2], len(date[4]), _joined(rest, time)] += 1
        found.first += int(date[1]) > 12
        found.second += int(date[3]) > 12
    return found


def _day_or_month_first(dates: _Dates, shape: tuple[str, int, str], doubt: str | None) -> Guess:
    separator, digits, time = shape
    day_first = _written(separator, digits, time, "%d", "%m")
    month_first = _written(separator, digits, time, "%m", "%d")
    if dates.first and dates.second:
        both = f"some have the day first ({day_first}) and some the month ({month_first})"
        return Guess(format=day_first if dates.first >= dates.second else month_first, doubt=both)
    if dates.second:
        return Guess(format=month_first, doubt=doubt)
    if not dates.first and separator != ".":
        doubt = f"day and month cannot be told apart: {day_first} or {month_first}"
    return Guess(format=day_first, doubt=doubt)


def _written(separator: str, digits: int, time: str, one: str, two: str) -> str:
    return f"{one}{separator}{two}{separator}{'%Y' if digits == 4 else '%y'}{time}"


def _joined(text: str, time: str) -> str:
    return ("T" if re.search(r"\dT\d|^T", text) else " ") + time if time else ""


def _named(form: str) -> str:
    return form or "ISO 8601"


def _undressed(texts: list[str]) -> Guess | None:
    """Look at numbers with something around them: a currency, a percent sign, a unit."""
    found = [parts for text in texts if (parts := _DRESSED.fullmatch(text))]
    # Two currencies or units cannot be added up.
    around = {(parts[1] + parts[3]).strip() for parts in found} - {""}
    if len(found) < ENOUGH * len(texts) or len(around) != 1:
        return None
    inner = guess_numbers([parts[2] for parts in found])
    if inner is None:
        return None
    doubt = "a percentage is kept as it is: 5 % becomes 5" if any("%" in text for text in texts) else inner.doubt
    kept = "[^0-9,-]" if inner.decimal else "[^0-9.-]"
    return Guess(sql=f"regexp_replace({{column}}, '{kept}', '', 'g')", decimal=inner.decimal, doubt=doubt)


def _share(pattern: re.Pattern[str], texts: list[str]) -> float:
    return sum(pattern.fullmatch(text) is not None for text in texts) / len(texts)
