"""What the values of a column are: times in which format, numbers with which decimal sign.

A guess is a part of a column's mapping in pipeline.yml, and a sentence where someone should look at it.
"""

import re
from collections import Counter
from dataclasses import dataclass, field, replace

from crm_pipeline.config.contract import Column
from crm_pipeline.raw.guessing.rewritten import rewritings
from crm_pipeline.raw.guessing.time_forms import form_of, time_form
from crm_pipeline.raw.guessing.trial import unreadable
from crm_pipeline.raw.numbers import currency_signs
from crm_pipeline.storage.sql import literal, quoted

#: Share of the values that a guess has to explain; the others are dirt.
ENOUGH = 0.9
# Minutes, seconds and a tenth: what a spreadsheet program shows of a time, and writes when it saves as CSV.
_CUT_TIME = re.compile(r"\d{1,2}:\d{2}\.\d")
_CUT = "the values are cut times such as 12:30.0, as a spreadsheet program saves them; export the column again"
_NUMERIC_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(\D.*)?")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_AT_LEAST = re.compile(r"\d+\+")
_SIDE = re.compile(r"\d ?(cr|dr)\b", re.IGNORECASE)
_UNIT = re.compile(r"[+-]?[\d.,\u00a0\u202f]*\d *([^\W\d]\D*|%)")
_SHORTENED = re.compile(r"\d([.,]\d+)?[eE]\+\d{2}")
_ANY_NUMBER = Column("value", "number", "DECIMAL(38,8)")


@dataclass(frozen=True)
class Guess:
    """What to write into a column's mapping, and what is doubtful about it.

    `sql` holds `{column}` where the quoted name of the source column goes.
    """

    format: str | None = None
    decimal: str | None = None
    negative: str | None = None
    sql: str | None = None
    doubt: str | None = None

    def mapping(self, column: str) -> dict[str, str]:
        """Return the mapping of a contract column to a source column."""
        origin = {"sql": self.sql.format(column=quoted(column))} if self.sql else {"from": column}
        return origin | {key: value for key in ("format", "decimal", "negative") if (value := getattr(self, key))}


@dataclass
class _Dates:
    """Numeric dates of one shape: separator, digits of the year, time of day."""

    formats: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    first: int = 0
    second: int = 0
    firsts: set[str] = field(default_factory=set)
    lasts: set[str] = field(default_factory=set)


def guess_moments(texts: list[str]) -> Guess | None:
    """Return how dates or times are written; None where the values are none."""
    if not texts:
        return None
    if sum(_CUT_TIME.fullmatch(text) is not None for text in texts) >= ENOUGH * len(texts):
        return Guess(doubt=_CUT)
    forms = _forms(texts)
    numeric = _numeric_dates(texts)
    if numeric.formats:
        (separator, digits, time), times = numeric.formats.most_common(1)[0]
        forms[_written(separator, digits, time, "%d", "%m")] += times
    if not forms or forms.total() < ENOUGH * len(texts):
        return _rewritten(texts)
    form, times = forms.most_common(1)[0]
    others = [other for other in forms if other != form]
    doubt = None
    if others:
        doubt = f"not all values are written alike ({_named(form)}, and {', '.join(map(_named, others))})"
    if form.startswith("%d") and numeric.formats and form == _written(separator, digits, time, "%d", "%m"):
        return _day_or_month_first(numeric, (separator, digits, time), doubt)
    return Guess(format=form or None, doubt=doubt)


def _rewritten(texts: list[str]) -> Guess | None:
    """Return the expression after which a form reads the values."""
    for rewriting in rewritings(texts):
        if guess := guess_moments(rewriting.texts):
            sql = guess.sql.replace("{column}", rewriting.sql) if guess.sql else rewriting.sql
            return replace(guess, sql=sql, doubt=", ".join(filter(None, (rewriting.doubt, guess.doubt))) or None)
    return None


def guess_numbers(texts: list[str], column: Column = _ANY_NUMBER) -> Guess | None:
    """Return how numbers are written; None where the values are none. What is proposed was tried on the values.

    Args:
        texts: the values.
        column: that they are for: some take whole numbers or no negative ones.
    """
    if not texts or sum(any(map(str.isdecimal, text)) for text in texts) < len(texts) / 2:
        return None
    guesses = [Guess(), *_percent(texts), *_sided(texts), *_at_least(texts), *_with_unit(texts)]
    if column.minimum is not None and float(column.minimum) >= 0:
        guesses.append(Guess(sql="translate({column}, '-()\u2212', '')"))
    if _share(_PLAIN, texts) == 1 and column.minimum is None:
        return guesses[0]
    bad, best = min(
        ((_bad(texts, column, guess), position) for position, guess in enumerate(guesses)), key=lambda found: found
    )
    if bad > len(texts) - ENOUGH * len(texts):
        doubtful = Guess(decimal=".", doubt="1,234 may be a thousand or a decimal number")
        return doubtful if _bad(texts, column, doubtful) <= len(texts) - ENOUGH * len(texts) else None
    return _with_decimal(texts, column, guesses[best])


def currency_marks(texts: list[str]) -> Counter[str]:
    """Count the signs and codes of currencies in amounts."""
    found = (re.sub(r"[\d\s.,()'\u2019+\u2212-]", "", text).upper() for text in texts if re.search(r"\d", text))
    known = {sign.upper(): sign for sign in currency_signs()}
    return Counter(known[mark] for mark in found if mark in known)


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
    forms = Counter(form for text in texts if (form := form_of(text)) is not None)
    in_may = Counter(form_of(text) for text in texts if "may" in text.casefold())
    for form, times in in_may.items():
        # May is short for itself: it is written in full where the other months are.
        if form and forms[form] == times and forms[full := form.replace("%b", "%B")] and full != form:
            forms[full] += forms.pop(form)
    return +forms


def _numeric_dates(texts: list[str]) -> _Dates:
    found = _Dates()
    for text in texts:
        if not (date := _NUMERIC_DATE.fullmatch(text)):
            continue
        time = time_form(date[5] or "")
        if time is None or max(int(date[1]), int(date[3])) > 31:
            continue
        found.formats[date[2], len(date[4]), time] += 1
        found.first += int(date[1]) > 12
        found.second += int(date[3]) > 12
        found.firsts.add(date[1])
        found.lasts.add(date[4])
    return found


def _day_or_month_first(dates: _Dates, shape: tuple[str, int, str], doubt: str | None) -> Guess:
    separator, digits, time = shape
    day_first = _written(separator, digits, time, "%d", "%m")
    month_first = _written(separator, digits, time, "%m", "%d")
    if digits == 2 and not dates.second and max(map(int, dates.lasts)) <= 31:
        # What changes least is the year; where both change alike, it may be either.
        year_first = _written(separator, digits, time, "%y", "%m").replace(
            "%m" + separator + "%y", "%m" + separator + "%d"
        )
        if len(dates.firsts) < len(dates.lasts):
            return Guess(format=year_first, doubt=f"the year may be first or last: {year_first} or {day_first}")
        if len(dates.firsts) == len(dates.lasts) and dates.first:
            doubt = f"the year may be first or last: {year_first} or {day_first}"
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


def _named(form: str) -> str:
    return form or "ISO 8601"


def _bad(texts: list[str], column: Column, guess: Guess) -> int:
    return unreadable(texts, column, guess.mapping("value"))


def _with_decimal(texts: list[str], column: Column, guess: Guess) -> Guess:
    """Add the decimal sign where separators stand in the numbers, and what is doubtful about them."""
    signs = sorted(currency_marks(texts))
    if len(signs) > 1 and column.name != "currency":
        guess = replace(guess, doubt=f"amounts in several currencies ({', '.join(signs)}): map columns.currency too")
    if guess.sql or not any("," in text for text in texts):
        dotted = any(re.search(r"\d\.\d{3}\.\d{3}", text) for text in texts)
        return replace(guess, decimal=",") if dotted and not guess.sql else guess
    bad = {decimal: _bad(texts, column, replace(guess, decimal=decimal)) for decimal in (".", ",")}
    as_it_is = _bad(texts, column, guess)
    fewest = min(bad, key=lambda decimal: bad[decimal])
    if bad["."] == bad[","] or bad[fewest] > as_it_is:
        doubt = "some numbers are written as 1,234.50 and some as 1.234,50" if bad[fewest] > as_it_is else None
        return replace(guess, doubt=guess.doubt or doubt)
    return replace(guess, decimal=fewest)


def _percent(texts: list[str]) -> list[Guess]:
    if not any("%" in text for text in texts):
        return []
    return [Guess(sql="replace({column}, '%', '')", doubt="a percentage is kept as it is: 5 % becomes 5")]


def _sided(texts: list[str]) -> list[Guess]:
    """Look at amounts that are marked as credit or debit: which of the two takes from sales is for a reader to say."""
    sides = {found[1].upper() for text in texts if (found := _SIDE.search(text))}
    if not sides:
        return []
    side = "CR" if "CR" in sides else "DR"
    return [Guess(negative=side, doubt=f"amounts marked {side} are taken for money given back")]


def _at_least(texts: list[str]) -> list[Guess]:
    return [Guess(sql="replace({column}, '+', '')")] if any(_AT_LEAST.fullmatch(text) for text in texts) else []


def _with_unit(texts: list[str]) -> list[Guess]:
    """Look at numbers with one unit behind them: two units cannot be added up."""
    units = {parts[1].strip() for text in texts if (parts := _UNIT.fullmatch(text))}
    unit = units.pop() if len(units) == 1 else ""
    return [Guess(sql=f"replace({{column}}, {literal(unit)}, '')")] if unit and unit != "%" else []


def _share(pattern: re.Pattern[str], texts: list[str]) -> float:
    return sum(pattern.fullmatch(text) is not None for text in texts) / len(texts)
