"""What each system writes down of a person: spelling, formats, second e-mails, repeated registrations, later versions.

The systems share habits but not data: each draws its own view of the same people.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import FULL_DAYS
from crm_pipeline.sample.names import NICKNAMES

SHOP_PHONE = "020 7946 0000"
# Half of the people who register again do so because they have lost their old mailbox.
LOST_MAILBOX = 0.5
CONSENT_NOT_ASKED = 0.1


@dataclass(frozen=True)
class Habits:
    """How a system's records differ from the truth, each as a share of the records.

    Attributes:
        placeholder_email: carries a stand-in such as none@example.com instead of an address.
        native_name: written in characters, of the people whose script has them.
        moves_told: of the people who move, how many tell this system.
        hears_withdrawals: whether the system learns that somebody takes back their consent.
    """

    email: float
    second_email: float
    untidy_email: float
    phone: float
    placeholder_phone: float
    birth_date: float
    nickname: float
    misspelt: float
    registered_again: float
    wrong_birth_date: float
    placeholder_email: float
    native_name: float
    moves_told: float
    hears_withdrawals: bool = False


TILL = Habits(
    email=0.62, second_email=0.06, untidy_email=0.25, phone=0.72, placeholder_phone=0.03, birth_date=0.8,
    nickname=0.06, misspelt=0.06, registered_again=0.05, wrong_birth_date=0.04, placeholder_email=0.015,
    native_name=0.0, moves_told=0.4,
)  # fmt: skip
SHOP = Habits(
    email=1.0, second_email=0.16, untidy_email=0.1, phone=0.6, placeholder_phone=0.0, birth_date=0.45,
    nickname=0.14, misspelt=0.03, registered_again=0.04, wrong_birth_date=0.02, placeholder_email=0.0,
    native_name=0.85, moves_told=0.7,
)  # fmt: skip
OFFICE = Habits(
    email=0.8, second_email=0.1, untidy_email=0.15, phone=0.75, placeholder_phone=0.01, birth_date=0.3,
    nickname=0.03, misspelt=0.08, registered_again=0.03, wrong_birth_date=0.05, placeholder_email=0.02,
    native_name=0.2, moves_told=0.85, hears_withdrawals=True,
)  # fmt: skip
PLACEHOLDER_EMAILS = np.array(["none@example.com", "noreply@example.org", "no-email@example.com"], dtype=object)


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


def record_of_order(records: pd.DataFrame, orders: pd.DataFrame) -> NDArray[np.int64]:
    """Return the record (row number) that is in use when an order is placed, -1 where the buyer has none."""
    buyer, again = orders["person"].to_numpy(), records["again"].to_numpy()
    rows = pd.Series(np.arange(len(records)), index=records["person"])
    first = rows[~again].reindex(buyer).fillna(-1).to_numpy(dtype=np.int64)
    second = rows[again].reindex(buyer).fillna(-1).to_numpy(dtype=np.int64)
    made = records["day"].to_numpy()[second]
    return np.where((second >= 0) & (orders["day"].to_numpy() > made), second, first)


def observe(people: pd.DataFrame, records: pd.DataFrame, habits: Habits, rng: np.random.Generator) -> pd.DataFrame:
    """Add to each record what this system holds of its person; missing values are empty text or NaT."""
    person = people.iloc[records["person"].to_numpy()].reset_index(drop=True)
    count = len(records)
    seen = records.copy()
    seen["first_name"], seen["last_name"] = _names(person, habits, rng)
    seen["country"] = person["country"]
    seen["gender"] = np.where(rng.random(count) < 0.85, person["gender"], "")
    seen["birth_date"] = _birth_dates(person["birth_date"], habits, rng)
    moved = person["moved_day"].between(0, seen["day"])
    for column, new in (("street", "new_street"), ("town", "new_town")):
        seen[column] = person[column].where(~moved, person[new])
    postcode = person["postcode"].where(~moved, person["new_postcode"])
    tight = postcode.str.replace(" ", "", regex=False).str.lower()
    seen["postcode"] = np.where(rng.random(count) < 0.2, tight, postcode)
    lost = records["again"].to_numpy() & (rng.random(count) < LOST_MAILBOX)
    seen["email"], seen["phone"] = contacts(person, habits, rng, lost)
    agreed = person["consent_email"] | (person["consent_changed_day"] > seen["day"])
    for column, wish in (("email", agreed), ("phone", person["consent_phone"]), ("post", person["consent_post"])):
        told = np.where(wish, "yes", "no").astype(object)
        seen[f"consent_{column}"] = np.where(rng.random(count) < CONSENT_NOT_ASKED, "", told)
    seen["updated_day"] = seen["consent_day"] = seen["day"]
    return seen


def contacts(
    person: pd.DataFrame, habits: Habits, rng: np.random.Generator, lost: NDArray[np.bool_] | bool = False
) -> tuple[pd.Series, pd.Series]:
    """Return e-mail and phone as given: one of two addresses, cases and blanks, half a dozen ways to write a number.

    Args:
        person: one row per time that somebody gives them.
        habits: of the system they are given to.
        rng: the source of chance.
        lost: who has lost their usual mailbox and gives the second address.
    """
    count = len(person)
    second = (rng.random(count) < habits.second_email) | lost
    email = person["email"].where(~second, person["second_email"])
    email = _misspell(email, rng.random(count) < 0.02, rng)
    untidy, way = rng.random(count) < habits.untidy_email, rng.random(count)
    email = email.where(~(untidy & (way < 0.5)), email.str.upper())
    email = email.where(~(untidy & (way >= 0.5) & (way < 0.8)), email.str.capitalize())
    email = email.where(~(untidy & (way >= 0.8)), " " + email + " ")
    stand_in = PLACEHOLDER_EMAILS[rng.integers(0, len(PLACEHOLDER_EMAILS), count)]
    email = email.where(rng.random(count) >= habits.placeholder_email, pd.Series(stand_in, dtype=object))
    email = email.where(rng.random(count) < habits.email, "")
    styles = rng.choice(6, count, p=[0.3, 0.2, 0.15, 0.2, 0.05, 0.1]).tolist()
    written = [
        _written_abroad(number, style) if number.startswith("+") else _written(number, style)
        for number, style in zip(person["phone"], styles, strict=True)
    ]
    phone = pd.Series(written, dtype=object).where(rng.random(count) < habits.phone, "")
    return email, phone.where(rng.random(count) >= habits.placeholder_phone, SHOP_PHONE)


def versions(people: pd.DataFrame, records: pd.DataFrame, habits: Habits, rng: np.random.Generator) -> pd.DataFrame:
    """Return the later versions of records whose person moved house or took back the consent to e-mail.

    Each version holds all that has changed by then; a record has at most one version a day.
    """
    person = people.iloc[records["person"].to_numpy()].reset_index(drop=True)
    told = np.minimum(person["moved_day"] + rng.integers(0, 25, len(records)), FULL_DAYS - 1)
    moves = (person["moved_day"] > records["day"]) & (rng.random(len(records)) < habits.moves_told)
    withdraws = (person["consent_changed_day"] > records["day"]) & (records["consent_email"] == "yes")
    moved_on = np.where(moves, told, FULL_DAYS)
    withdrew_on = np.where(withdraws & habits.hears_withdrawals, person["consent_changed_day"], FULL_DAYS)
    changed = []
    for day in (moved_on, np.where(withdrew_on == moved_on, FULL_DAYS, withdrew_on)):
        rows = np.flatnonzero(day < FULL_DAYS)
        version, truth = records.iloc[rows].assign(updated_day=day[rows]), person.iloc[rows].set_index(rows)
        version.index = truth.index
        moved = moved_on[rows] <= day[rows]
        for column in ("street", "postcode", "town"):
            version[column] = version[column].where(~moved, truth[f"new_{column}"])
        withdrew = withdrew_on[rows] <= day[rows]
        version["consent_email"] = version["consent_email"].where(~withdrew, "no")
        version["consent_day"] = version["consent_day"].where(~withdrew, withdrew_on[rows])
        changed.append(version)
    return pd.concat(changed, ignore_index=True)


def _names(person: pd.DataFrame, habits: Habits, rng: np.random.Generator) -> tuple[pd.Series, pd.Series]:
    """Return first and last names: in characters, without accents, shortened, misspelt, in capitals."""
    count = len(person)
    native = (person["script"] == "chinese") & (rng.random(count) < habits.native_name)
    short = rng.random(count) < habits.nickname
    first = person["first_name"]
    plain = first.str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii")
    first = first.where(rng.random(count) < 0.6, plain)
    first = first.where(~short, first.map(NICKNAMES).fillna(first))
    first = _misspell(first, rng.random(count) < habits.misspelt, rng)
    first = first.where(rng.random(count) < 0.93, first.str.upper())
    last = _misspell(person["last_name"], rng.random(count) < habits.misspelt, rng)
    return first.where(~native, person["native_first"]), last.where(~native, person["native_last"])


def _birth_dates(born: pd.Series, habits: Habits, rng: np.random.Generator) -> pd.Series:
    """Return birth dates where the system knows one; day and month change places in some, others are a year off."""
    swapped = pd.to_datetime(
        pd.DataFrame({"year": born.dt.year, "month": born.dt.day, "day": born.dt.month}), errors="coerce"
    )
    wrong = swapped.fillna(born + pd.Timedelta(days=365))
    born = born.where(rng.random(len(born)) >= habits.wrong_birth_date, wrong)
    return born.where(rng.random(len(born)) < habits.birth_date)


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


def _written_abroad(number: str, style: int) -> str:
    """Write a number such as +351912345678, in its country often without the code."""
    national = number[4:]
    spaced = f"{national[:3]} {national[3:6]} {national[6:]}"
    return (national, spaced, f"+351 {spaced}", number, f"00351 {national}", f"+351 {national}")[style]
