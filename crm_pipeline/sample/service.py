"""Service cases: what goes wrong with orders, how it is handled, and who leaves because of it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import DAYS

ONLINE_SHARE, STORE_SHARE = 0.07, 0.02
QUESTIONS_PER_PERSON = 0.06
BAD_SHARE = 0.3
# Chance to leave after a bad case, for people whom service leaves cold, and what full sensitivity adds.
LEAVING, LEAVING_SENSITIVE = 0.06, 0.6
LOST_SATISFACTION = 0.18
_CATEGORIES = np.array(["delivery", "damaged", "wrong item", "refund", "billing", "product", "account"], dtype=object)
_SHARES = (0.3, 0.16, 0.12, 0.14, 0.08, 0.12, 0.08)
_STORE_SHARES = (0.0, 0.3, 0.1, 0.25, 0.1, 0.2, 0.05)
_CHANNELS = np.array(["email", "phone", "chat", "web", "store"], dtype=object)
_CHANNEL_SHARES = (0.38, 0.22, 0.2, 0.2, 0.0)
_STORE_CHANNEL_SHARES = (0.2, 0.35, 0.05, 0.0, 0.4)


def make_cases(people: pd.DataFrame, orders: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw a case for some orders, within a week of the order, and questions without an order; see `World.service`.

    Whether a case is handled badly is drawn regardless of the person, so that its effect can be told from the data.
    """
    online = (orders["sales_channel"] != "till").to_numpy()
    about = np.flatnonzero(rng.random(len(orders)) < np.where(online, ONLINE_SHARE, STORE_SHARE))
    asking = np.repeat(np.arange(len(people)), rng.poisson(QUESTIONS_PER_PERSON, len(people)))
    asked_on = np.floor(rng.uniform(people["first_day"].to_numpy()[asking], DAYS - 1)).astype(np.int64)
    count = len(about) + len(asking)
    in_store = np.concatenate([~online[about], people["web_share"].to_numpy()[asking] == 0])
    day = np.concatenate([orders["day"].to_numpy()[about] + rng.integers(0, 7, len(about)), asked_on])
    cases = pd.DataFrame(
        {
            "person": np.concatenate([orders["person"].to_numpy()[about], asking]),
            "order": np.concatenate([about, np.full(len(asking), -1)]),
            "day": day,
            "minute": rng.integers(8 * 60, 20 * 60, count),
            "category": _either(_CATEGORIES, in_store, _STORE_SHARES, _SHARES, rng),
            "contact_channel": _either(_CHANNELS, in_store, _STORE_CHANNEL_SHARES, _CHANNEL_SHARES, rng),
            "is_bad": rng.random(count) < BAD_SHARE,
        }
    )
    # A case follows its order, also on the order's own day.
    ordered = orders["minute"].to_numpy()[about]
    same_day = day[: len(about)] == orders["day"].to_numpy()[about]
    late = np.minimum(ordered + 30 + rng.integers(0, 240, len(about)), 24 * 60 - 1)
    cases["minute"] = np.concatenate(
        [np.where(same_day, late, cases["minute"][: len(about)]), cases["minute"][len(about) :]]
    )
    cases["response_minutes"] = _minutes(cases["is_bad"].to_numpy(), 1900, 150, rng)
    cases["resolution_minutes"] = cases["response_minutes"] + _minutes(cases["is_bad"].to_numpy(), 7200, 1100, rng)
    cases["is_reopened"] = rng.random(count) < np.where(cases["is_bad"], 0.3, 0.04)
    return cases[cases["day"] < DAYS - 1].reset_index(drop=True)


def leaving_days(people: pd.DataFrame, cases: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the day on which each person leaves because of a bad case, `DAYS` for who does not."""
    sensitivity = people["service_sensitivity"].to_numpy()[cases["person"]]
    leaves = cases["is_bad"] & (rng.random(len(cases)) < LEAVING + LEAVING_SENSITIVE * sensitivity)
    days = np.full(len(people), DAYS)
    np.minimum.at(days, cases.loc[leaves, "person"].to_numpy(), cases.loc[leaves, "day"].to_numpy())
    return days


def satisfaction_after(people: pd.DataFrame, cases: pd.DataFrame) -> NDArray[np.float64]:
    """Return the satisfaction that is left after the bad cases that people had."""
    bad = np.bincount(cases.loc[cases["is_bad"], "person"], minlength=len(people))
    return np.clip(people["satisfaction"].to_numpy() - LOST_SATISFACTION * np.minimum(bad, 3), 0.02, 0.98)


def _either(
    values: NDArray[np.object_],
    first: NDArray[np.bool_],
    shares: tuple[float, ...],
    other_shares: tuple[float, ...],
    rng: np.random.Generator,
) -> NDArray[np.object_]:
    one, other = rng.choice(values, len(first), p=shares), rng.choice(values, len(first), p=other_shares)
    return np.where(first, one, other)


def _minutes(bad: NDArray[np.bool_], median_bad: int, median: int, rng: np.random.Generator) -> NDArray[np.int64]:
    typical = np.where(bad, median_bad, median)
    return np.maximum(1, typical * rng.lognormal(0, 0.7, len(bad))).astype(np.int64)
