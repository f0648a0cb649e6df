"""Amounts of money in a table: those that may be something else, and those that no mapping uses."""

import re

from crm_pipeline.config.contract import Column, contracts
from crm_pipeline.raw.guessing.columns import Match, Table
from crm_pipeline.raw.guessing.values import ENOUGH, currency_marks, guess_numbers
from crm_pipeline.raw.guessing.words import Languages, parts, spellings_of, tokens_of

_WHOLE = re.compile(r"[+-]?\d+")
_PER_CENT = re.compile(r"%|\uff05|\b(per ?cent|pct|prozent|proz|pourcent\w*|porcent\w*|percent\w*|procent\w*)\b|百分")
_CENTS = re.compile(r"[^\d]*\d[\d.,\u00a0\u202f' ]*[.,]\d{2}[^\d]*")
#: Share of the values with two decimals from which on a column looks like money whatever it is called.
_MOSTLY_CENTS = 0.8
_TRIED = 200


def look_at_amounts(match: Match, table: Table) -> None:
    """Note which mapped amounts may be counts or without tax, and which amounts of the table are mapped to nothing.

    A share in per cent is no amount; what it is of has to be told where no column holds what is left.
    """
    shares: list[str] = []
    for column in contracts()[match.channel].columns:
        origin = match.mappings.get(column.name, {}).get("from")
        if origin and is_amount(column) and _PER_CENT.search(origin.casefold()):
            del match.mappings[column.name]
            match.doubts.pop(column.name, None)
            shares.append(origin)
            continue
        if origin and is_amount(column) and column.name not in match.doubts:
            doubt = _count_doubt(origin, table.columns[origin]) or _tax_doubt(match, column, origin)
            if doubt:
                match.doubts[column.name] = doubt
    match.unused_amounts = [
        name
        for name, texts in table.columns.items()
        if not match.uses(name) and name not in shares and _is_money(name, texts, match.languages)
    ]
    if match.channel != "order_lines" or "net_amount" not in match.mappings:
        match.unused_amounts += shares


def is_amount(column: Column) -> bool:
    """Tell whether a column of a contract holds money."""
    last = column.name.rsplit("_", 1)[-1]
    return column.logical_type == "number" and last in ("amount", "price", "cost", "spend")


def _count_doubt(origin: str, texts: list[str]) -> str | None:
    words = set(tokens_of(origin))
    vague = bool(words) and words <= parts("vague")
    if vague and texts and all(_WHOLE.fullmatch(text) for text in texts):
        return f"'{origin}' holds whole numbers only: is it money, or a count?"
    return None


def _tax_doubt(match: Match, column: Column, origin: str) -> str | None:
    """Say where an amount is with tax that is meant without, or the other way round."""
    words = set(tokens_of(origin))
    with_tax = _says(words, match.languages.words("gross")) and "tax_amount" not in match.mappings
    if with_tax and match.channel == "order_lines" and column.name in ("unit_price", "net_amount"):
        return f"'{origin}' is with tax, and revenue is meant without: is there a column without?"
    if match.channel == "orders" and column.name == "total_amount" and _says(words, match.languages.words("net")):
        return f"'{origin}' is without tax, and the total is meant with tax and shipping; tax_amount is left out for it"
    return None


def _says(words: set[str], meant: set[str]) -> bool:
    return any(set(tokens_of(word)) <= words for word in meant)


def _is_money(name: str, texts: list[str], languages: Languages) -> bool:
    if not texts:
        return False
    marked = currency_marks(texts).total() >= ENOUGH * len(texts)
    words = {*tokens_of(name), *spellings_of(name)}
    if not marked and _named(words, name, languages.words("measures")):
        return False
    with_cents = sum(_CENTS.fullmatch(text) is not None for text in texts) >= _MOSTLY_CENTS * len(texts)
    speaks = marked or with_cents or _named(words, name, languages.words("money"))
    return speaks and guess_numbers(texts[:_TRIED]) is not None


def _named(words: set[str], name: str, meant: set[str]) -> bool:
    """Tell whether a name has one of the words; German, Dutch and Chinese put them together."""
    together = {word for word in meant if len(word) >= (5 if word.isascii() else 1)}
    return not words.isdisjoint(meant) or any(word in one for word in together for one in {*words, name})
