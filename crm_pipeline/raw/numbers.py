"""The SQL that reads numbers as people and programs write them, and says which of two meanings keeps it from doing so.

Digits may be grouped as in 1,234.50, 1.234,50, 1,23,456.50 and 1'234.50, be full-width or Arabic, carry a currency and
any sign of a negative amount: -5, 5-, (5). What could mean two numbers is read as neither, unless the mapping tells, or
the other values of its column do.
"""

import functools
import re
from pathlib import Path

import duckdb
import yaml

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.raw.source_rows import PROBLEM, SOURCE_ROWS
from crm_pipeline.storage.sql import literal

#: How the values of a column write decimals, where they tell.
POINT, COMMA, BOTH = "point", "comma", "both"

_PLAIN = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_PLAIN_WITH_COMMA = r"[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?"
# One to three digits and three decimals: where a point divides thousands, a thousand times as much.
_MAYBE_THOUSANDS = r"[+-]?[1-9]\d{0,2}\.\d{3}"
_POINT_NUMBER = (
    r"(\d+|[1-9]\d{0,2}(,\d{3})+|[1-9]\d{0,2}('\d{3})+|[1-9]\d{0,2}( \d{3})+|[1-9]\d?(,\d{2})+,\d{3})?(\.\d+)?"
)
_COMMA_NUMBER = r"(\d+|[1-9]\d{0,2}(\.\d{3})+|[1-9]\d{0,2}('\d{3})+|[1-9]\d{0,2}( \d{3})+)?(,\d+)?"
#: Signs that mean the same as plain ones: digits of other scripts, full-width forms, dashes, apostrophes, blanks.
_ALIKE = (
    *(("".join(chr(zero + digit) for digit in range(10)), "0123456789") for zero in (0xFF10, 0x0660, 0x06F0)),
    ("\uff0e\uff0c\u066b\u066c\uff08\uff09\uff0b\uff04\uffe5\uffe1", ".,.,()+$¥£"),
    ("\uff0d\u2212\u2010\u2011\u2013\u2014", "-" * 6),
    ("\u2019\u2018`\u00b4\uff07", "'" * 5),
    ("\u00a0\u2007\u2009\u2002\u2003\u200a\u202f\u3000", " " * 8),
)
_PARTS = ("sign_1", "mark_1", "sign_2", "digits", "whole", "sign_3", "mark_2", "side", "sign_4")


@functools.cache
def currency_signs() -> dict[str, tuple[str, ...]]:
    """Return how amounts name their currency: a sign or code -> the currencies that it may stand for."""
    known = yaml.safe_load((Path(__file__).parent / "currencies.yaml").read_text(encoding="utf-8"))
    return {code: (code,) for code in known["codes"].split()} | {
        str(sign): tuple(codes) for sign, codes in known["signs"].items()
    }


def number(text: str, mapping: ColumnMapping, convention: str | None, currency: str, *, whole: bool = False) -> str:
    """Return SQL for the plain text of a number; null where the text is none, or could be two.

    Args:
        text: SQL of the trimmed text.
        mapping: says the decimal sign, and what marks negative amounts, where that is told.
        convention: how the column's other values write decimals.
        currency: SQL of the row's currency; the number of another one is not read.
        whole: whether only whole numbers fit.
    """
    slow = _from_parts(
        text,
        f"""case
            when p.dash then '0' when not p.signs in ('', '+', '-', '()') then null
            when not ({_agrees(currency)}) then null
            when p.side <> '' and ({literal(mapping.negative or "")} = '' or p.signs in ('-', '()')) then null
            else {_sign(mapping)} || {_decided(mapping, convention, whole)} end""",
        whole=whole,
    )
    return f"case when {is_plain(text, mapping, convention, whole=whole)} then {plain(text, mapping)} else {slow} end"


def plain(text: str, mapping: ColumnMapping) -> str:
    """Return SQL for a plain number with a point for its decimal sign."""
    return f"replace({text}, ',', '.')" if mapping.decimal == "," else text


def is_plain(text: str, mapping: ColumnMapping, convention: str | None = None, *, whole: bool = False) -> str:
    """Return the condition that a text is a number as programs write it, which can mean one number only."""
    if mapping.decimal == ",":
        return f"regexp_full_match({text}, '{_PLAIN_WITH_COMMA}')"
    condition = f"regexp_full_match({text}, '{_PLAIN}')"
    if mapping.decimal is None and (whole or convention in (COMMA, BOTH)):
        condition += f" and not regexp_full_match({text}, '{_MAYBE_THOUSANDS}')"
    return condition


def why_no_number(text: str, mapping: ColumnMapping, currency: str, codes: tuple[int, int, int], otherwise: int) -> str:
    """Return SQL for the code of why a text is no number.

    Args:
        text: SQL of the trimmed text.
        mapping: of its column.
        currency: SQL of the row's currency.
        codes: of an amount in another currency, of a credit or debit, and of what may be two numbers.
        otherwise: the code of any other text.
    """
    other_currency, credit_or_debit, two_numbers = codes
    both = "p.point is not null and p.comma is not null and p.point <> p.comma" if mapping.decimal is None else "false"
    return _from_parts(
        text,
        f"""case
            when not p.dash and p.digits = '' then {otherwise}
            when not ({_agrees(currency)}) then {other_currency}
            when p.side <> '' and {literal(mapping.negative or "")} = '' then {credit_or_debit}
            when {both} then {two_numbers} else {otherwise} end""",
    )


def conventions(con: duckdb.DuckDBPyConnection, origins: dict[str, tuple[str, bool]]) -> dict[str, str]:
    """Tell how columns write decimals, from the values of `source_rows` that can be read in one way only.

    Columns of plain numbers need not be asked.

    Args:
        con: has the table.
        origins: name -> SQL of its source column, and whether its numbers are whole.

    Returns:
        For each name whose values tell, how.
    """
    questions = [
        {name: f"bool_or({_reads_as_one(origin, whole, how)})" for name, (origin, whole) in origins.items()}
        for how in ("p.comma is null", "p.point is null")
    ]
    point, comma = _ask(con, questions)
    told = {(True, False): POINT, (False, True): COMMA, (True, True): BOTH}
    answers = {name: told.get((bool(point[name]), bool(comma[name]))) for name in origins}
    return {name: answer for name, answer in answers.items() if answer}


def looks_negative(text: str) -> str:
    """Return the condition that a text is an amount in brackets, or with its minus behind it."""
    return _from_parts(text, f"p.digits <> '' and p.signs in ('()', '-') and not starts_with({text}, '-')")


def _ask(con: duckdb.DuckDBPyConnection, questions: list[dict[str, str]]) -> list[dict[str, bool | None]]:
    columns = [sql for question in questions for sql in question.values()]
    if not columns:
        return [{} for _ in questions]
    query = f'select {", ".join(columns)} from {SOURCE_ROWS} where "{PROBLEM}" is null'
    answers = iter(con.execute(query).fetchall()[0])
    return [{name: next(answers) for name in question} for question in questions]


def _reads_as_one(origin: str, whole: bool, how: str) -> str:
    """Return the condition that a value has separators, and is a number with one decimal sign only."""
    text = f"trim({origin})"
    return _from_parts(text, f"coalesce(p.point, p.comma) is not null and {how}", whole=whole)


def _from_parts(text: str, result: str, *, whole: bool = False) -> str:
    """Return SQL for what follows from the parts `p` of a text: its signs, marks of currency, and both readings."""
    odd, alike = ("".join(signs) for signs in zip(*_ALIKE, strict=True))
    plain = f"translate({text}, {literal(odd)}, {literal(alike)})"
    parts = ", ".join(literal(part) for part in _PARTS)
    point, comma = (
        _reading(*how, whole=whole) for how in ((_POINT_NUMBER, "[, '']", "."), (_COMMA_NUMBER, "[. '']", ","))
    )
    return f"""list_transform([{plain}], lambda t: list_transform(
        [regexp_extract(t, {literal(_dressed())}, [{parts}])], lambda p: list_transform([{{
            'digits': p.digits,
            'signs': replace(p.sign_1 || p.sign_2 || p.sign_3 || p.sign_4, ' ', ''),
            'marks': [lower(mark) for mark in [p.mark_1, p.mark_2] if mark <> ''],
            'side': lower(p.side),
            'dash': regexp_full_match(t, {literal(_dash())}),
            'point': {point},
            'comma': {comma}
        }}], lambda p: {result})[1])[1])[1]"""


def _reading(pattern: str, grouping: str, decimal: str, *, whole: bool) -> str:
    """Return SQL for the digits with one decimal sign; null where they are no such number."""
    value = f"replace(regexp_replace(p.digits, '{grouping}', '', 'g'), '{decimal}', '.')"
    fits = f"regexp_full_match(p.digits, {literal(pattern)}) and p.digits <> ''"
    if whole:
        fits += f" and try_cast({value} as decimal(38, 6)) % 1 = 0"
    return f"case when {fits} then {value} end"


def _decided(mapping: ColumnMapping, convention: str | None, whole: bool) -> str:
    """Return SQL for the reading that is meant; null where that cannot be told."""
    if mapping.decimal:
        return "p.comma" if mapping.decimal == "," else "p.point"
    one = "case when p.point is null or p.comma is null or p.point = p.comma then coalesce(p.point, p.comma)"
    if convention in (POINT, COMMA):
        return f"{one} else p.{convention} end"
    if convention == BOTH or whole:
        return f"{one} end"
    # What programs write has a point.
    return f"{one} when not contains(p.digits, ',') then p.point end"


def _sign(mapping: ColumnMapping) -> str:
    side = literal((mapping.negative or "").lower())
    return f"case when p.signs in ('-', '()') or p.side <> '' and p.side = {side} then '-' else '' end"


def _agrees(currency: str) -> str:
    """Return the condition that all marks of a currency may stand for the one of the row, where that is known."""
    # One text to look in: a branch for each sign, in each column that is an amount, takes longer to plan than to run.
    signs = "".join(f"{sign.lower()}={code};" for sign, codes in currency_signs().items() for code in codes)
    means = f"contains({literal(';' + signs)}, ';' || rtrim(mark, '.') || '=' || {currency} || ';')"
    return f"({currency} = '' or list_aggregate([{means} for mark in p.marks] || [true], 'bool_and'))"


@functools.cache
def _mark() -> str:
    signs = sorted(currency_signs(), key=len, reverse=True)
    return "|".join(re.escape(sign) + (r"\.?" if sign.isalpha() and len(sign) < 4 else "") for sign in signs)


@functools.cache
def _dressed() -> str:
    """Return the pattern of a number with all that may stand around it."""
    mark, sign = _mark(), "[-+(]"
    return (
        f"(?i)^({sign})? ?({mark})? ?({sign})? ?((?:[0-9][0-9., ']*)?[0-9]|[.,][0-9]+)([.,]-{{1,2}}|[.])?"
        f"( ?[-)])? ?({mark})? ?(CR|DR)?( ?[-)])?$"
    )


@functools.cache
def _dash() -> str:
    """Return the pattern of nothing as accountants write it: a dash beside a currency."""
    return f"(?i)({_mark()}) ?--?|--? ?({_mark()})"
