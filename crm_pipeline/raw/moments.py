"""The SQL that reads dates and times: ISO 8601, a strptime format, or a number that counts from some day on."""

import re

from crm_pipeline.config.moments import NUMBER_FORMATS
from crm_pipeline.storage.sql import literal

_DAY = r"^\d{4}[-/]\d"
_TIME = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?$"
_OFFSET = r"Z|z|UTC|GMT|[+-]\d{2}(:?\d{2})?"
_TIME_WITH_OFFSET = rf"^\d{{4}}-\d{{1,2}}-\d{{1,2}}[T ]\d{{1,2}}:\d{{2}}(:\d{{2}}(\.\d+)?)? ?({_OFFSET})$"
_UTC_AS_TEXT = re.compile(r"(?<![A-Za-z%])(UTC|GMT|Z)\s*$")


def day(text: str, form: str | None) -> str:
    """Return SQL for a date; null where the text is none."""
    if form in NUMBER_FORMATS:
        return f"try_cast({_from_number(text, form)} as date)"
    if form:
        return f"try_cast(try_strptime({text}, {literal(form)}) as date)"
    return f"case when regexp_matches({text}, '{_DAY}') then try_cast({text} as date) end"


def instant(text: str, form: str | None, zone: str) -> str:
    """Return SQL for a moment with its time zone; null where the text is none.

    Args:
        text: SQL of the trimmed text.
        form: its format; ISO 8601 where none is given.
        zone: of times that say none.
    """
    if form in NUMBER_FORMATS:
        moment = _from_number(text, form)
        return moment if NUMBER_FORMATS[form].is_instant else f"timezone({literal(zone)}, {moment})"
    if form:
        parsed = f"try_strptime({text}, {literal(form)})"
        if "%z" in form or "%Z" in form:
            return parsed
        return f"timezone({literal('UTC' if _UTC_AS_TEXT.search(form) else zone)}, {parsed})"
    return f"""case
        when regexp_matches({text}, '{_TIME}') then timezone({literal(zone)}, try_cast({text} as timestamp))
        when regexp_matches({text}, '{_TIME_WITH_OFFSET}')
            then try_cast(regexp_replace(regexp_replace({text}, '(UTC|GMT)$', 'Z'), ' ([Zz+-])', '\\1') as timestamptz)
    end"""


def _from_number(text: str, form: str) -> str:
    known = NUMBER_FORMATS[form]
    return f"case when regexp_full_match({text}, '{known.pattern}') then {known.moment.format(text=text)} end"
