"""The SQL that reads dates and times: ISO 8601, a strptime format, or a number that counts from some day on."""

from crm_pipeline.config.moments import NUMBER_FORMATS, said_offset
from crm_pipeline.storage.sql import literal

_DAY = r"^\d{4}[-/]\d"
_TIME = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?$"
_OFFSET = r"Z|z|UTC|GMT|[+-]\d{2}(:?\d{2})?"
_TIME_WITH_OFFSET = rf"^\d{{4}}-\d{{1,2}}-\d{{1,2}}[T ]\d{{1,2}}:\d{{2}}(:\d{{2}}(\.\d+)?)? ?({_OFFSET})$"
# Letters for zones other than these mean one zone here and another there: CET in summer, BST in Dhaka.
_SURE_ZONE = "(?i)(^|[^a-z])(utc|gmt)([^a-z]|$)|[a-z]/[a-z]"


def day(text: str, form: str | None) -> str:
    """Return SQL for a date; null where the text is none."""
    if form in NUMBER_FORMATS:
        return f"try_cast({_from_number(text, form)} as date)"
    if form:
        return f"try_cast({_parsed(text, form)} as date)"
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
        parsed = _parsed(text, form)
        if _says_zone(form):
            return parsed
        offset = said_offset(form)
        if offset is None:
            return f"timezone({literal(zone)}, {parsed})"
        return f"timezone('UTC', {parsed} - interval ({offset}) minute)"
    return f"""case
        when regexp_matches({text}, '{_TIME}') then timezone({literal(zone)}, try_cast({text} as timestamp))
        when regexp_matches({text}, '{_TIME_WITH_OFFSET}')
            then try_cast(regexp_replace(regexp_replace({text}, '(UTC|GMT)$', 'Z'), ' ([Zz+-])', '\\1') as timestamptz)
    end"""


def _says_zone(form: str) -> bool:
    return "%z" in form or "%Z" in form


def _parsed(text: str, form: str) -> str:
    """Return SQL for a text read by a format; one with a zone takes names that are sure, offsets and Z."""
    if not _says_zone(form):
        return f"try_strptime({text}, {literal(form)})"
    by_name, by_offset = (literal(form.replace("%Z", kind).replace("%z", kind)) for kind in ("%Z", "%z"))
    offset = f"regexp_replace({text}, '(\\d ?)[Zz]$', '\\1+00:00')"
    return f"""coalesce(case when regexp_matches({text}, '{_SURE_ZONE}') then try_strptime({text}, {by_name}) end,
        try_strptime({offset}, {by_offset}))"""


def _from_number(text: str, form: str) -> str:
    known = NUMBER_FORMATS[form]
    return f"case when regexp_full_match({text}, '{known.pattern}') then {known.moment.format(text=text)} end"
