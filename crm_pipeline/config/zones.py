"""The time zones that pipeline.yml may name."""

import functools
from zoneinfo import available_timezones

import duckdb

from crm_pipeline.config.errors import suggest

#: Zones that hang on the machine, or count leap seconds.
_OWN_ZONES = ("localtime", "posix/", "right/", "posixrules", "Factory", "SystemV/")


def known_zone(value: str) -> str:
    """Return an IANA zone that Python and DuckDB know alike; names of one machine's own setting are none."""
    if value in _zones():
        return value
    close = suggest(value, sorted(_zones()), listing=False) or "Use an IANA name such as Europe/Berlin"
    raise ValueError(f"unknown time zone '{value}'. {close}")


@functools.cache
def _zones() -> frozenset[str]:
    known = {name for (name,) in duckdb.execute("select name from pg_timezone_names()").fetchall()}
    return frozenset(zone for zone in available_timezones() if zone in known and not zone.startswith(_OWN_ZONES))
