"""Times of the channels: seconds since the first midnight of the calendar, on the clock of the business's zone.

`MISSING` stands for "never"; each writer turns it into an empty cell.
"""

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import DAYS, FIRST_DAY, MORNING_ENDS, utc_offsets
from crm_pipeline.sample.tables import NULL, Texts, calendar_dates, dates

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
MINUTE, HOUR, DAY = 60, 3600, 86_400
MISSING = -1
END = (DAYS - 1) * DAY + MORNING_ENDS * MINUTE


def seconds(day: NDArray[np.int64] | pd.Series, minute: NDArray[np.int64] | pd.Series) -> Ints:
    """Return the seconds of day numbers and minutes of the day."""
    return np.asarray(day, dtype=np.int64) * DAY + np.asarray(minute, dtype=np.int64) * MINUTE


def known(moment: Ints, where: Flags | None = None) -> Ints:
    """Return the moments that had come by the calendar's end (and for which `where` holds), else MISSING."""
    there = (moment >= 0) & (moment <= END)
    return np.where(there if where is None else there & where, moment, MISSING)


def waking(moment: Ints) -> Ints:
    """Move what falls into the night, before eight o'clock, eight hours on."""
    night = moment % DAY < 8 * HOUR
    return np.where((moment >= 0) & night, moment + 8 * HOUR, moment)


def iso(moment: Ints) -> Texts:
    """Return times such as 2026-01-31T09:05:00+00:00; missing ones are empty."""
    return _written(moment, "%Y-%m-%dT", "{0:02d}:{2:02d}:{3:02d}", _offsets())


def json_iso(moment: Ints) -> Texts:
    """Return the same times as JSON literals; missing ones are null."""
    return np.where(moment == MISSING, NULL, '"' + iso(moment) + '"')


def local(moment: Ints, pattern: str) -> Texts:
    """Return times to the minute without a zone, 24 hours, after a date in this pattern; missing ones are empty."""
    return _written(moment, pattern + " ", "{0:02d}:{2:02d}")


def local_us(moment: Ints) -> Texts:
    """Return times such as 01/31/2026 02:05 PM; missing ones are empty."""
    return _written(moment, "%m/%d/%Y ", "{1:02d}:{2:02d} {4}")


def utc(moment: Ints) -> pd.Series:
    """Return times with their zone, UTC, to the microsecond; missing ones are NaT."""
    stamps = FIRST_DAY.astype("datetime64[us]") + _instant(moment).astype("timedelta64[s]")
    stamps[moment == MISSING] = np.datetime64("NaT")
    return pd.Series(pd.DatetimeIndex(stamps, tz="UTC"))


def epoch(moment: Ints) -> Ints:
    """Return seconds since 1970 in UTC; missing ones stay MISSING."""
    start = int(FIRST_DAY.astype("datetime64[s]").astype(np.int64))
    return np.where(moment == MISSING, MISSING, start + _instant(moment))


def _instant(moment: Ints) -> Ints:
    offset = np.array([int(text[:3]) for text in _offsets().tolist()]) * HOUR
    return moment - offset[_day(moment)]


def _day(moment: Ints) -> Ints:
    return np.clip(moment // DAY, 0, DAYS - 1)


@cache
def _offsets() -> Texts:
    return utc_offsets()


@cache
def _clock(pattern: str) -> Texts:
    """Return each second of a day as text: hour, hour of twelve, minute, second, half of the day."""
    return np.array(
        [
            pattern.format(
                s // HOUR, (s // HOUR + 11) % 12 + 1, s // MINUTE % 60, s % 60, "AM" if s < DAY // 2 else "PM"
            )
            for s in range(DAY)
        ],
        dtype=object,
    )


def _written(moment: Ints, date: str, clock: str, ending: Texts | None = None) -> Texts:
    day = _day(moment)
    text = dates(calendar_dates(np.arange(DAYS)), date)[day] + _clock(clock)[moment % DAY]
    text = text if ending is None else text + ending[day]
    return np.where(moment == MISSING, "", text)
