"""Times that no format reads as they stand, and the expression after which one does: zones by letters, a.m."""

import re
from dataclasses import dataclass

from crm_pipeline.config.moments import ABBREVIATIONS
from crm_pipeline.storage.sql import literal

_ABBREVIATED = re.compile(rf" ({'|'.join(ABBREVIATIONS)})\b")


@dataclass(frozen=True)
class Rewriting:
    """Texts after an expression, the expression (`{column}` stands for the column), and what is doubtful about it."""

    texts: list[str]
    sql: str
    doubt: str | None = None


def rewritings(texts: list[str]) -> list[Rewriting]:
    """Return what may be done about texts of which a form is unknown; those that change nothing are left out."""
    found = [
        _bracketed(texts),
        _halves(texts),
        _abbreviations(texts),
        _shortened(texts, 16, 3),
        _shortened(texts, 19, 6),
    ]
    return [rewriting for rewriting in found if rewriting and rewriting.texts != texts]


def _bracketed(texts: list[str]) -> Rewriting:
    """Leave out the name of a zone in brackets behind its offset, as in `+02:00[Europe/Berlin]`."""
    shorter = [re.sub(r"(\d) ?[\[(][^\])]*[\])]$", r"\1", text) for text in texts]
    return Rewriting(shorter, r"regexp_replace({column}, '(\d) ?[\[(].*$', '\1')")


def _halves(texts: list[str]) -> Rewriting:
    plain = [re.sub(r"\b([AaPp])\.? ?[Mm]\.", r"\1m", text) for text in texts]
    return Rewriting(plain, r"regexp_replace({column}, '\b([AaPp])\.? ?[Mm]\.', '\1m')")


def _abbreviations(texts: list[str]) -> Rewriting | None:
    """Write the offset for the letters of a zone, which mean several zones where the doubt says so."""
    used = sorted({found[1] for text in texts if (found := _ABBREVIATED.search(text))})
    if not used:
        return None
    sql = "{column}"
    for name in used:
        sql = f"replace({sql}, {literal(f' {name}')}, {literal(f' {ABBREVIATIONS[name][0]}')})"
    doubts = [f"{name} may be {' or '.join(ABBREVIATIONS[name])}" for name in used if len(ABBREVIATIONS[name]) > 1]
    offset = [_ABBREVIATED.sub(lambda found: f" {ABBREVIATIONS[found[1]][0]}", text) for text in texts]
    return Rewriting(offset, sql, ", ".join(doubts) or None)


def _shortened(texts: list[str], digits: int, beyond: int) -> Rewriting | None:
    """Leave out the last digits of numbers that count microseconds or nanoseconds."""
    if not all(re.fullmatch(rf"[12]\d{{{digits - 1}}}", text) for text in texts):
        return None
    return Rewriting([text[:-beyond] for text in texts], f"left({{column}}, -{beyond})")
