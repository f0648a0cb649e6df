"""The forms in which programs and people write dates and times: the format of a value that tells it by itself."""

import re

_BLANK = "[ \u00a0\u202f]"
_CLOCK = re.compile(
    rf"(?P<before>T|:|,?{_BLANK}(?:at )?)?(?P<hour>\d{{1,2}})(?P<first>[:.h]?)(?P<minute>\d{{2}})"
    rf"(?:(?P<second>[:.]?)\d{{2}}(?P<fraction>[.,]\d+)?)?(?P<half>{_BLANK}?[AaPp][Mm])?(?P<unit>{_BLANK}?(?:Uhr|h))?"
    rf"(?P<zone>(?P<blank>{_BLANK}?)(?:Z|(?P<name>UTC|GMT|[A-Z][A-Za-z]+/[A-Za-z_/]+)|(?P<prefix>UTC|GMT)?[+-]\d\d:?(?:\d\d)?))?"
)
#: Which times need no format: those that a run reads as ISO 8601.
ISO = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
    r"|\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
    r"|\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)? ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)"
)
_DAYS = {
    r"\d{1,2} [A-Za-z]{3} \d{4}": "%d %b %Y",
    r"\d{1,2}-[A-Za-z]{3}-\d{4}": "%d-%b-%Y",
    r"\d{1,2}-[A-Za-z]{3}-\d{2}": "%d-%b-%y",
    r"\d{1,2}[A-Z]{3}\d{4}": "%d%b%Y",
    r"\d{1,2} [A-Za-z]{4,} \d{4}": "%d %B %Y",
    r"[A-Za-z]{3} \d{1,2}, \d{4}": "%b %d, %Y",
    r"[A-Za-z]{4,} \d{1,2}, \d{4}": "%B %d, %Y",
    r"[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4}": "%a, %d %b %Y",
    r"[A-Za-z]{3}, [A-Za-z]{3} \d{1,2}, \d{4}": "%a, %b %d, %Y",
    r"[A-Za-z]{3} [A-Za-z]{3} \d{1,2} \d{4}": "%a %b %d %Y",
    r"[A-Za-z]{6,9}, [A-Za-z]{3,9} \d{1,2}, \d{4}": "%A, %B %d, %Y",
    r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])[0-3]\d": "%Y%m%d",
    r"\d{4}-\d{1,2}-\d{1,2}": "%Y-%m-%d",
    r"\d{4}/\d{1,2}/\d{1,2}": "%Y/%m/%d",
    r"\d{4}\.\d{1,2}\.\d{1,2}\.?": "%Y.%m.%d",
    r"\d{4}年\d{1,2}月\d{1,2}日": "%Y年%m月%d日",
    r"\d{4}-W\d{2}-[1-7]": "%G-W%V-%u",
}
_UNIX = re.compile(r"[A-Za-z]{3} [A-Za-z]{3} +\d{1,2} \d\d:\d\d:\d\d( [A-Z]{3,4}| [+-]\d{4})? \d{4}")
# Days from 1954 to 2119, moments from 2001 to 2096: numbers such as these are hardly anything else in a date column.
_NUMBERS = {
    r"[2-7]\d{4}([.,]\d+)?": "excel",
    r"[1-3]\d{9}(\.\d+)?": "epoch",
    r"[1-3]\d{12}(\.\d+)?": "epoch_ms",
}


def form_of(text: str) -> str | None:
    """Return the format of a value; '' for ISO 8601, which needs none, and None where the value alone does not tell."""
    if ISO.fullmatch(text):
        return ""
    for number, named in _NUMBERS.items():
        if re.fullmatch(number, text):
            return named
    if unix := _UNIX.fullmatch(text):
        zone = {"+": " %z", "-": " %z", "": ""}.get((unix[1] or "").strip()[:1], " %Z")
        return f"%a %b %d %H:%M:%S{zone} %Y"
    for day, form in _DAYS.items():
        if (found := re.match(day, text)) and (time := time_form(text[found.end() :])) is not None:
            return f"{form}{'.' if found[0].endswith('.') else ''}{time}"
    return None


def time_form(text: str) -> str | None:
    """Return the format of what stands behind a day: '' for nothing, None where it is no time of day."""
    if not text:
        return ""
    found = _CLOCK.fullmatch(text)
    if found is None or (not found["before"] and found["first"]):
        return None
    minutes = f"{'%I' if found['half'] else '%H'}{found['first']}%M"
    seconds = f"{found['second']}%S" if found["second"] is not None else ""
    fraction = f"{found['fraction'][0]}%f" if found["fraction"] else ""
    half = f"{found['half'][:-2]}%p" if found["half"] else ""
    return f"{found['before'] or ''}{minutes}{seconds}{fraction}{half}{found['unit'] or ''}{_zone_form(found)}"


def _zone_form(found: re.Match[str]) -> str:
    if not found["zone"]:
        return ""
    return f"{found['blank']}%Z" if found["name"] else f"{found['blank']}{found['prefix'] or ''}%z"
