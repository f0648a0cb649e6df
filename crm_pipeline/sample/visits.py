"""Who buys when, before what they buy: buying at random, promotions, bad service, campaigns, and leaving for good.

Buying follows BG/NBD: while alive a person buys at their own Poisson rate, and after each purchase leaves for good
with their own probability. Rates run on a clock that ticks faster in busy weeks, which gives the season. Promotion
weeks and campaigns add orders; a badly handled service case makes some leave earlier.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample import service
from crm_pipeline.sample.calendar import DAYS, MORNING_ENDS, PROMOTIONS, STORE_HOURS, WEB_HOURS, day_weights
from crm_pipeline.sample.campaigns import draw_contacts
from crm_pipeline.sample.programme import programme_orders

Ints = NDArray[np.int64]
LATEST_ORDERS = 3
PROMOTION_PULL = 1.5


@dataclass(frozen=True)
class Visits:
    """What happens between the people and the company.

    Attributes:
        people: the people, with left_day (-1: still there at the end) and the satisfaction that is left them.
        orders: order heads: order (row number), person, day, minute, sales_channel (till, web, app), status (completed,
            cancelled), campaign (whose effect the order is, or -1), cause (promotion, programme, campaign: the order
            exists only through it; else '').
        service: the cases that `World.service` documents.
        contacts: the contacts that `World.contacts` documents.
    """

    people: pd.DataFrame
    orders: pd.DataFrame
    service: pd.DataFrame
    contacts: pd.DataFrame


def make_visits(people: pd.DataFrame, campaigns: pd.DataFrame, rng: np.random.Generator) -> Visits:
    """Let the people live through the calendar."""
    heads, left = _purchase_days(people, rng)
    orders = _order_heads(people, heads, rng)
    cases = service.make_cases(people, orders, rng)
    left = np.minimum(left, service.leaving_days(people, cases, rng))
    stays = orders["day"].to_numpy() <= left[orders["person"]]
    orders, cases = orders[stays], _kept_cases(cases, stays, left)
    people = people.assign(
        left_day=np.where(left < DAYS, left, -1), satisfaction=service.satisfaction_after(people, cases)
    )
    contacts, caused = draw_contacts(people, campaigns, rng)
    added = pd.concat(
        [_promotion_orders(people, left, rng).assign(cause="promotion"), caused.assign(cause="campaign")],
        ignore_index=True,
    )
    in_store = programme_orders(people, left, rng).assign(cause="programme")
    visited = _order_heads(people.assign(web_share=0.0), in_store, rng)
    orders = pd.concat([orders, _order_heads(people, added, rng), visited], ignore_index=True)
    orders = pd.concat([orders, _order_heads(people, _latest_orders(people, orders), rng)], ignore_index=True)
    orders.loc[orders["campaign"] >= 0, "status"] = "completed"
    orders["cause"] = orders["cause"].fillna("")
    return Visits(people, orders.assign(order=np.arange(len(orders))), cases, contacts)


def _purchase_days(people: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, Ints]:
    """Return person and day of each purchase, and the day of each one's last purchase, `DAYS` if that is to come."""
    busy = np.concatenate([[0.0], np.cumsum(day_weights())])
    clock_start = np.interp(people["first_day"], np.arange(DAYS + 1), busy)
    rate = people["purchase_rate"].to_numpy()
    leave_after = rng.geometric(people["dropout_probability"].to_numpy())
    expected = rate * (busy[-1] - clock_start)
    # More draws than anybody needs: a bound far above the Poisson mean instead of a loop per person.
    draws = np.minimum(leave_after, np.ceil(expected + 8 * np.sqrt(expected) + 12).astype(int))
    person = np.repeat(np.arange(len(people)), draws)
    gaps = rng.exponential(1, len(person)) / rate[person]
    starts = np.concatenate([[0], np.cumsum(draws)[:-1]])
    gaps[starts] = 0.0
    elapsed = np.cumsum(gaps)
    clock = clock_start[person] + elapsed - np.repeat(elapsed[starts], draws)
    inside = clock < busy[-1]
    person, clock = person[inside], clock[inside]
    day = np.minimum(np.floor(np.interp(clock, busy, np.arange(DAYS + 1))).astype(int), DAYS - 1)
    bought = np.bincount(person, minlength=len(people))
    last = np.zeros(len(people), dtype=np.int64)
    np.maximum.at(last, person, day)
    return pd.DataFrame({"person": person, "day": day, "campaign": -1}), np.where(bought < leave_after, DAYS, last)


def _promotion_orders(people: pd.DataFrame, left: Ints, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the orders that promotion weeks bring from those who look at prices."""
    keen = (people["purchase_rate"] * people["price_sensitivity"]).to_numpy() * PROMOTION_PULL
    first = np.array([start for start, _ in PROMOTIONS])
    length = np.array([days for _, days in PROMOTIONS])
    wanted = rng.poisson(keen[:, None] * length)
    person, promotion = (np.repeat(places, wanted[wanted > 0]) for places in np.nonzero(wanted))
    day = first[promotion] + np.floor(rng.random(len(person)) * length[promotion]).astype(np.int64)
    happens = (day > people["first_day"].to_numpy()[person]) & (day < left[person])
    return pd.DataFrame({"person": person[happens], "day": day[happens], "campaign": -1})


def _latest_orders(people: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Let the keenest buyers order on the last morning where too few do: the newest day is never empty."""
    missing = max(0, LATEST_ORDERS - int((orders["day"] == DAYS - 1).sum()))
    there = people["left_day"] < 0
    keenest = np.argsort(np.where(there, -people["purchase_rate"], 1.0), kind="stable")[:missing]
    return pd.DataFrame({"person": keenest, "day": DAYS - 1, "campaign": -1})


def _kept_cases(cases: pd.DataFrame, stays: NDArray[np.bool_], left: Ints) -> pd.DataFrame:
    """Drop the cases of orders that were never placed, and questions after leaving; renumber the orders."""
    order = cases["order"].to_numpy()
    asked_in_time = cases["day"].to_numpy() <= left[cases["person"]]
    kept = cases[np.where(order >= 0, stays[order], asked_in_time)].sort_values(["day", "minute"], kind="stable")
    place = np.cumsum(stays) - 1
    order = np.where(kept["order"] >= 0, place[kept["order"]], -1)
    return kept.assign(case=np.arange(len(kept)), order=order).reset_index(drop=True)


def _order_heads(people: pd.DataFrame, placed: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add sales channel, time of day and status to who orders on which day."""
    count, person = len(placed), placed["person"].to_numpy()
    web = rng.random(count) < people["web_share"].to_numpy()[person]
    app = rng.random(count) < people["app_share"].to_numpy()[person]
    cancelled = rng.random(count) < np.where(web, 0.03, 0.005)
    return placed.assign(
        sales_channel=np.where(web, np.where(app, "app", "web"), "till").astype(object),
        minute=minutes(web, (placed["day"] == DAYS - 1).to_numpy(), rng),
        status=np.where(cancelled, "cancelled", "completed").astype(object),
    )


def minutes(web: NDArray[np.bool_], morning_only: NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    """Draw minutes of the day, by the hours of the web shop and of the stores."""
    store_hour = rng.choice(24, len(web), p=STORE_HOURS / STORE_HOURS.sum())
    web_hour = rng.choice(24, len(web), p=WEB_HOURS / WEB_HOURS.sum())
    minute = np.where(web, web_hour, store_hour) * 60 + rng.integers(0, 60, len(web))
    return np.where(morning_only, rng.integers(9 * 60, MORNING_ENDS, len(web)), minute)
