"""What each system writes down of a person: spelling, formats, second e-mails, repeated registrations.

The two systems share habits but not data: each draws its own view of the same people.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import FULL_DAYS, period_of
from crm_pipeline.sample.names import NICKNAMES, STREETS

SHOP_PHONE = "020 7946 0000"
UPDATED_SHARE = 0.04


@dataclass(frozen=True)
class Habits:
    """How a system's records differ from the truth, each as a share of the records."""

    email: float
    second_email: float
    untidy_email: float
    phone: float
    placeholder_phone: float
    birth_date: float
    nickname: float
    misspelt: float
    registered_again: float


TILL = Habits(
    email=0.62, second_email=0.06, untidy_email=0.25, phone=0.72, placeholder_phone=0.03, birth_date=0.8,
    nickname=0.06, misspelt=0.06, registered_again=0.05,
)  # fmt: skip
SHOP = Habits(
    email=1.0, second_email=0.16, untidy_email=0.1, phone=0.6, placeholder_phone=0.0, birth_date=0.45,
    nickname=0.14, misspelt=0.03, registered_again=0.04,
)  # fmt: skip


def register(people: pd.DataFrame, members: NDArray[np.bool_], orders: pd.DataFrame, habits: Habits,
             rng: np.random.Generator) -> pd.DataFrame:  # fmt: skip
    """Give each member a record made on the day of the first order in this system, and some a second one later.

    Returns:
        One row per record in order of registration: person, day, again.
    """
    first_order = orders.groupby("person")["day"].min().reindex(people["person"]).to_numpy()
    some_day = np.floor(rng.uniform(people["first_day"], FULL_DAYS - 1)).astype(int)
    day = np.where(np.isnan(first_order), some_day, np.nan_to_num(first_order)).astype(int)
    first = pd.DataFrame({"person": people["person"], "day": day, "again": False})[members]
    repeats = first[(rng.random(len(first)) < habits.registered_again) & (first["day"] < FULL_DAYS - 90)]
    later = np.floor(rng.uniform(repeats["day"] + 30, FULL_DAYS - 1)).astype(int)
    both = pd.concat([first, repeats.assign(day=later, again=True)])
    return both.sort_values(["day", "person"], kind="stable").reset_index(drop=True)


def record_of_order(records: pd.DataFrame, orders: pd.DataFrame, people: int) -> NDArray[np.int64]:
    """Return the record (row number) that is in use when an order is placed, -1 where the buyer has none."""
    first = np.full(people, -1)
    second = np.full(people, -1)
    second_day = np.full(people, np.iinfo(np.int64).max)
    again = records["again"].to_numpy()
    person = records["person"].to_numpy()
    first[person[~again]] = np.flatnonzero(~again)
    second[person[again]] = np.flatnonzero(again)
    second_day[person[again]] = records["day"].to_numpy()[again]
    buyer = orders["person"].to_numpy()
    return np.where(orders["day"].to_numpy() > second_day[buyer], second[buyer], first[buyer])


def observe(people: pd.DataFrame, records: pd.DataFrame, habits: Habits, rng: np.random.Generator) -> pd.DataFrame:
    """Add to each record what this system holds of its person; missing values are empty text or NaT."""
    person = people.iloc[records["person"].to_numpy()].reset_index(drop=True)
    count = len(records)
    seen = records.copy()
    seen["first_name"] = _first_names(person["first_name"], habits, rng)
    seen["last_name"] = _misspell(person["last_name"], rng.random(count) < habits.misspelt, rng)
    seen["gender"] = np.where(rng.random(count) < 0.85, person["gender"], "")
    seen["birth_date"] = person["birth_date"].where(rng.random(count) < habits.birth_date)
    for column in ("street", "town"):
        seen[column] = person[column]
    tight = person["postcode"].str.replace(" ", "", regex=False).str.lower()
    seen["postcode"] = np.where(rng.random(count) < 0.2, tight, person["postcode"])
    seen["email"], seen["phone"] = contacts(person, habits, rng)
    seen["consent_email"] = rng.choice(["yes", "no", ""], count, p=[0.55, 0.35, 0.1])
    seen["consent_phone"] = rng.choice(["yes", "no", ""], count, p=[0.2, 0.6, 0.2])
    seen["updated_day"] = seen["day"]
    return seen


def contacts(person: pd.DataFrame, habits: Habits, rng: np.random.Generator) -> tuple[pd.Series, pd.Series]:
    """Return e-mail and phone as given: one of two addresses, cases and blanks, half a dozen ways to write a number."""
    count = len(person)
    second = rng.random(count) < habits.second_email
    email = person["email"].where(~second, person["second_email"])
    email = _misspell(email, rng.random(count) < 0.02, rng)
    untidy, way = rng.random(count) < habits.untidy_email, rng.random(count)
    email = email.where(~(untidy & (way < 0.5)), email.str.upper())
    email = email.where(~(untidy & (way >= 0.5) & (way < 0.8)), email.str.capitalize())
    email = email.where(~(untidy & (way >= 0.8)), " " + email + " ")
    email = email.where(rng.random(count) < habits.email, "")
    styles = rng.choice(6, count, p=[0.3, 0.2, 0.15, 0.2, 0.05, 0.1]).tolist()
    written = [_written(number, style) for number, style in zip(person["phone"], styles, strict=True)]
    phone = pd.Series(written, dtype=object).where(rng.random(count) < habits.phone, "")
    return email, phone.where(rng.random(count) >= habits.placeholder_phone, SHOP_PHONE)


def updates(records: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return new versions of some records whose person moved house, each delivered in a later period than before."""
    moved = records[rng.random(len(records)) < UPDATED_SHARE]
    day = np.floor(rng.uniform(moved["day"] + 1, FULL_DAYS - 0.5)).astype(int)
    moved = moved.assign(updated_day=day)[period_of(day) > period_of(moved["day"].to_numpy())]
    house = rng.integers(1, 180, len(moved)).astype(str).astype(object)
    return moved.assign(street=house + " " + rng.choice(STREETS, len(moved)).astype(object))


def _first_names(first: pd.Series, habits: Habits, rng: np.random.Generator) -> pd.Series:
    short = rng.random(len(first)) < habits.nickname
    plain = first.str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii")
    first = first.where(rng.random(len(first)) < 0.6, plain)
    first = first.where(~short, first.map(NICKNAMES).fillna(first))
    first = _misspell(first, rng.random(len(first)) < habits.misspelt, rng)
    return first.where(rng.random(len(first)) < 0.93, first.str.upper())


def _misspell(texts: pd.Series, which: NDArray[np.bool_], rng: np.random.Generator) -> pd.Series:
    """Swap, drop or double one letter before any @ in the chosen texts."""
    values = texts.to_numpy(dtype=object, copy=True)
    rows = np.flatnonzero(which)
    for row, way, share in zip(rows.tolist(), rng.integers(0, 3, len(rows)), rng.random(len(rows)), strict=True):
        text = values[row]
        length = len(text.partition("@")[0])
        if length < 4:
            continue
        at = 1 + int(share * (length - 2))
        middle = (text[at + 1] + text[at], text[at + 1], text[at] * 2 + text[at + 1])[way]
        values[row] = text[:at] + middle + text[at + 2 :]
    return pd.Series(values, dtype=object)


def _written(number: str, style: int) -> str:
    return (
        number,
        f"{number[:5]} {number[5:]}",
        f"+44 {number[1:5]} {number[5:]}",
        f"+44{number[1:]}",
        f"0044 {number[1:]}",
        f"{number[:5]} {number[5:8]} {number[8:]}",
    )[style]
