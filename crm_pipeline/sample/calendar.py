"""The company's fixed calendar: three full years, and the morning after them.

The newest day is left unfinished on purpose: a dataset whose as-of date is `latest` must end the day before.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FIRST_DAY = np.datetime64("2023-07-01", "D")
LAST_FULL_DAY = np.datetime64("2026-06-30", "D")
FULL_DAYS = int((LAST_FULL_DAY - FIRST_DAY).astype(int)) + 1
DAYS = FULL_DAYS + 1
MORNING_ENDS = 11 * 60 + 30
ZONE = ZoneInfo("Europe/London")

# Gifts before Christmas, a quiet January, a small summer dip: January first.
MONTH_WEIGHTS = np.array([0.78, 0.85, 0.95, 1.0, 1.0, 0.97, 0.92, 0.9, 1.0, 1.08, 1.32, 1.5])
# Monday first.
WEEKDAY_WEIGHTS = np.array([0.85, 0.85, 0.9, 0.95, 1.1, 1.3, 1.05])
# The till opens at nine; the web shop never closes. No hour before six, so that no time falls into the hour
# which a change of the clocks repeats or leaves out.
STORE_HOURS = np.array([0] * 9 + [4, 7, 9, 11, 10, 9, 9, 10, 9, 5, 2] + [0] * 4, dtype=float)
WEB_HOURS = np.array([0] * 6 + [1, 2, 3, 4, 4, 4, 5, 4, 4, 4, 4, 5, 6, 8, 10, 10, 7, 3], dtype=float)

# The last day of each delivered file; a period's name becomes part of the file names and sorts in time order.
PERIODS = {
    "2023": np.datetime64("2023-12-31"),
    "2024": np.datetime64("2024-12-31"),
    "2025": np.datetime64("2025-12-31"),
    "2026-05": np.datetime64("2026-05-31"),
    # Fetched on the morning after: the unfinished day comes with it.
    "2026-06": np.datetime64("2026-07-01"),
}
CORRECTIONS = "2026-06_corrected"


def _day(text: str) -> int:
    return int((np.datetime64(text) - FIRST_DAY).astype(int))


# First day and length in days of the weeks in which much is cheaper.
PROMOTIONS = tuple(
    (_day(start), days)
    for start, days in (
        ("2023-11-20", 8), ("2024-01-12", 10), ("2024-06-03", 7), ("2024-09-09", 7), ("2024-11-25", 8),
        ("2025-01-13", 10), ("2025-06-02", 7), ("2025-09-08", 7), ("2025-11-24", 8), ("2026-01-12", 10),
        ("2026-06-01", 7),
    )
)  # fmt: skip


def day_weights() -> NDArray[np.float64]:
    """Return how busy each day is, 1 on average; the unfinished last day counts for its morning only."""
    days = FIRST_DAY + np.arange(DAYS)
    month = days.astype("datetime64[M]").astype(int) % 12
    weekday = (days.astype(int) + 3) % 7
    weights = MONTH_WEIGHTS[month] * WEEKDAY_WEIGHTS[weekday]
    weights = weights / weights[:FULL_DAYS].mean()
    weights[-1] *= 0.3
    return weights


def is_promotion(day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell for each day number whether it lies in a promotion week."""
    cheap = np.zeros(DAYS, dtype=bool)
    for start, days in PROMOTIONS:
        cheap[start : start + days] = True
    return cheap[day]


def period_of(day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each day number the index of the file period in which it is delivered."""
    ends = np.array([int((end - FIRST_DAY).astype(int)) for end in PERIODS.values()])
    return np.searchsorted(ends, day)


def utc_offsets() -> NDArray[np.object_]:
    """Return the UTC offset of each calendar day at noon, such as '+01:00'."""
    noons = [dt.datetime.combine(day, dt.time(12), ZONE) for day in (FIRST_DAY + np.arange(DAYS)).tolist()]
    return np.array([noon.isoformat()[-6:] for noon in noons], dtype=object)
