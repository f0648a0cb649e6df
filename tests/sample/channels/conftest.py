"""A small world made by hand, so that the channels are tested without the rest of the company."""

import numpy as np
import pandas as pd
import pytest

from crm_pipeline.sample.assortment import make_assortment
from crm_pipeline.sample.calendar import DAYS, FULL_DAYS
from crm_pipeline.sample.character import TASTES
from crm_pipeline.sample.purchases import Purchases
from crm_pipeline.sample.world import World

PEOPLE = 600
CATEGORIES = ["delivery", "product", "billing", "return", "account"]


def make_world(count: int = PEOPLE, seed: int = 5, part: int = 0) -> World:
    """Draw a world whose tables agree with each other, in the columns that `World` documents."""
    rng = np.random.default_rng([seed, part])
    people = _people(count, part * count, rng)
    members = _records(people[people["in_till"]], "M", "joined_day", part, rng)
    members["card_no"] = "HF" + members["source_id"].str[1:]
    accounts = _records(people[people["in_shop"] & ~people["guest_only"]], "5", "registered_day", part, rng)
    products = make_assortment(np.random.default_rng(1))
    purchases = _purchases(people, products, members, accounts, part, rng)
    campaigns = _campaigns()
    return World(
        part, people, products, purchases, _service(purchases, part, rng), campaigns, _contacts(people, campaigns, rng),
        members, accounts,
    )  # fmt: skip


def _people(count: int, first: int, rng: np.random.Generator) -> pd.DataFrame:
    person = np.arange(count) + first
    people = pd.DataFrame({"person": person, "household": np.where(person // 2 % 6 == 0, person // 2 * 2, -1)})
    people["email"] = [f"person{number}@example.com" for number in person]
    people["second_email"] = [f"p{number}@example.org" for number in person]
    people["phone"] = [f"0741{number:07d}" for number in person]
    system = rng.choice(["both", "till", "shop"], count)
    people["in_till"], people["in_shop"] = system != "shop", system != "till"
    people["guest_only"] = people["in_shop"] & (rng.random(count) < 0.2)
    people["app_share"] = np.where(rng.random(count) < 0.3, 0.6, 0.0)
    people["first_day"] = rng.uniform(0, FULL_DAYS - 30, count)
    span = rng.uniform(30, 900, count)
    left = np.floor(people["first_day"] + span).astype(int)
    people["left_day"] = np.where((left < FULL_DAYS) & (rng.random(count) < 0.6), left, -1)
    people["language"] = rng.choice(["en", "zh", "pt"], count, p=[0.7, 0.2, 0.1])
    people["satisfaction"] = rng.beta(5, 2, count)
    people["engagement"] = rng.gamma(2, 0.5, count)
    people["responsiveness"] = rng.gamma(2, 0.5, count)
    channels = ["search", "social", "referral", "organic", "store", "affiliate"]
    people["acquisition"] = rng.choice(channels, count).astype(object)
    older = first + rng.integers(0, np.maximum(np.arange(count), 1))
    people["referrer"] = np.where((people["acquisition"] == "referral") & (person > first), older, -1)
    handles = np.array([f"microblog:person{number}" for number in person], dtype=object)
    people["social_handle"] = np.where(rng.random(count) < 0.3, handles, "")
    for channel in ("email", "phone", "post"):
        people[f"consent_{channel}"] = rng.random(count) < 0.5
    changed = people["first_day"].astype(int) + rng.integers(20, 400, count)
    withdrawn = ~people["consent_email"] & (changed < FULL_DAYS) & (rng.random(count) < 0.5)
    people["consent_changed_day"] = np.where(withdrawn, changed, -1)
    people[TASTES] = rng.dirichlet(np.full(len(TASTES), 0.6), count)
    return people


def _records(people: pd.DataFrame, prefix: str, day: str, part: int, rng: np.random.Generator) -> pd.DataFrame:
    again = people[rng.random(len(people)) < 0.05]
    both = pd.concat([people, again])
    late = np.arange(len(both)) >= len(people)
    seen = pd.DataFrame({"person": both["person"].to_numpy(), "email": both["email"].to_numpy(dtype=object)})
    # A later record begins in the middle of what is left of the calendar.
    start = both["first_day"].to_numpy()
    seen[day] = np.where(late, (start + FULL_DAYS) // 2, start).astype(int)
    seen = seen.sort_values([day, "person"], ignore_index=True)
    seen["source_id"] = [f"{prefix}{number + 100_001 + part * 10_000_000}" for number in range(len(seen))]
    return seen


def _purchases(
    people: pd.DataFrame, products: pd.DataFrame, members: pd.DataFrame, accounts: pd.DataFrame, part: int,
    rng: np.random.Generator,
) -> Purchases:  # fmt: skip
    row = np.repeat(np.arange(len(people)), rng.poisson(11, len(people)) + 1)
    first = np.r_[True, row[1:] != row[:-1]]
    start = people["first_day"].to_numpy()[row]
    left = people["left_day"].to_numpy()[row]
    end = np.where(left >= 0, left, DAYS - 1)
    day = np.where(first, np.floor(start), np.floor(rng.uniform(start, end))).astype(int)
    online = np.where(people["in_till"].to_numpy()[row], rng.random(len(row)) < 0.5, True)
    online &= people["in_shop"].to_numpy()[row]
    app = rng.random(len(row)) < people["app_share"].to_numpy()[row]
    orders = pd.DataFrame({"person": people["person"].to_numpy()[row], "day": day})
    orders["minute"] = rng.integers(9 * 60, 11 * 60, len(row))
    orders["sales_channel"] = np.where(online, np.where(app, "app", "web"), "till").astype(object)
    orders["status"] = np.where(rng.random(len(row)) < 0.03, "cancelled", "completed").astype(object)
    orders = orders.sort_values(["day", "minute"], kind="stable", ignore_index=True)
    orders["order"], orders["original"], orders["campaign"] = np.arange(len(orders)), -1, -1
    orders["total"] = orders["net"] = rng.integers(300, 9000, len(orders))
    orders["order_id"] = [
        f"{'R' if channel == 'till' else 'W'}{number + 100_001 + part * 10_000_000}"
        for number, channel in enumerate(orders["sales_channel"])
    ]
    orders["record"] = np.where(orders["sales_channel"] == "till", _record(members, "joined_day", orders),
                                _record(accounts, "registered_day", orders))  # fmt: skip
    lines = pd.DataFrame({"order": np.repeat(orders["order"], 2), "line_number": np.tile([1, 2], len(orders))})
    lines["product"] = rng.integers(0, len(products), len(lines))
    return Purchases(orders, lines.reset_index(drop=True))


def _record(records: pd.DataFrame, day: str, orders: pd.DataFrame) -> np.ndarray:
    newest = orders[["order", "person", "day"]].merge(
        records.rename(columns={day: "since"}).reset_index(names="record")[["record", "person", "since"]], on="person"
    )
    newest = newest[newest["since"] <= newest["day"]].groupby("order")["record"].max()
    return newest.reindex(orders["order"]).fillna(-1).astype(int).to_numpy()


def _service(purchases: Purchases, part: int, rng: np.random.Generator) -> pd.DataFrame:
    cases = purchases.orders[rng.random(len(purchases.orders)) < 0.08]
    count = len(cases)
    bad = rng.random(count) < 0.3
    return pd.DataFrame(
        {
            "case": np.arange(count) + part * 10_000_000,
            "person": cases["person"].to_numpy(),
            "order": np.where(rng.random(count) < 0.8, cases["order"], -1),
            "day": np.minimum(cases["day"].to_numpy() + rng.integers(0, 12, count), FULL_DAYS - 1),
            "minute": rng.integers(9 * 60, 22 * 60, count),
            "category": rng.choice(CATEGORIES, count).astype(object),
            "contact_channel": rng.choice(["email", "phone", "chat", "web"], count).astype(object),
            "is_bad": bad,
            "response_minutes": np.where(bad, 2000, 200) + rng.integers(0, 500, count),
            "resolution_minutes": np.where(bad, 9000, 1200) + rng.integers(0, 900, count),
            "is_reopened": bad & (rng.random(count) < 0.4),
        }
    )


def _campaigns() -> pd.DataFrame:
    start = np.array([120, 300, 500, 700, 900])
    return pd.DataFrame(
        {
            "campaign": np.arange(5),
            "campaign_id": [f"C{number:02d}" for number in range(5)],
            "name": ["spring_letter", "summer_sale", "autumn_box", "text_reminder", "winter_card"],
            "medium": ["email", "email", "email", "sms", "post"],
            "objective": ["cross_sell", "win_back", "retention", "retention", "win_back"],
            "start_day": start,
            "end_day": start + 14,
            "control_share": [0.3, 0.5, 0.0, 0.2, 0.2],
            "experiment": ["spring", "summer", "", "text", "card"],
            "cost": [100_00, 250_00, 80_00, 50_00, 300_00],
            "cost_per_contact": [1, 1, 1, 5, 60],
            "coupon": ["SPRING10", "", "", "", "FINCH10"],
            "is_broken": [False] * 5,
        }
    )


def _contacts(people: pd.DataFrame, campaigns: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for row in campaigns.itertuples():
        here = people[(people["first_day"] < row.start_day) & (rng.random(len(people)) < 0.7)]
        control = rng.random(len(here)) < row.control_share
        parts.append(
            pd.DataFrame(
                {
                    "campaign": row.campaign,
                    "person": here["person"].to_numpy(),
                    "day": row.start_day,
                    "minute": 600 + rng.integers(0, 90, len(here)),
                    "variant": np.where(control, "control", "treatment").astype(object),
                    "extra_orders": np.where(control, 0, rng.random(len(here)) < 0.1).astype(int),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()
