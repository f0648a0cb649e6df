"""Sessions on the shop's site and app, before they become events: who came when, on which device, why, to order what.

Visiting follows engagement, fades in the weeks before a person leaves, and all but ends then. An online order has a
path of earlier visits (`paths`), and most visits are by people who never buy: strangers on devices of their own.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import WEB_HOURS, day_weights
from crm_pipeline.sample.channels import ads, mail, paths
from crm_pipeline.sample.channels.moments import DAY, END, HOUR, Flags, Ints, seconds
from crm_pipeline.sample.channels.rows import IDS_PER_PART, account_of
from crm_pipeline.sample.character import TASTES
from crm_pipeline.sample.tables import Texts
from crm_pipeline.sample.world import World

BROWSING_PER_DAY = 0.012
FADES_OVER_DAYS = 75
STRAY = 0.02
REMEMBERED = 0.5
SECOND_DEVICE = 0.3
FAMILY_DEVICE = 0.6
PAID = {"search": 0.6, "social": 0.7, "affiliate": 0.9}
# Visits by strangers per person of the company, and where they come from.
STRANGE_VISITS = 30
STRANGERS = {"": 0.36, "organic": 0.38, "search": 0.11, "social": 0.12, "affiliate": 0.03}
ANOTHER_VISIT = 0.25
# Above the numbers of all devices of customers.
STRANGE_DEVICES = 1 << 40
SESSION = ["person", "start", "order", "product", "app", "campaign", "source"]


def make_sessions(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Draw all sessions.

    Returns:
        One row per session, in time order: person (-1 for a stranger), start (moment; of a session with an order, the
        order's own), order (row of the orders, -1 for none), product (row), app, source ('', 'mail', 'organic' or an
        advertising medium), campaign (the name in the link), device (number), account (row, -1 for none or not logged
        in), remembered (logged in from the start), kind (purchase, path, browsing, stranger).
    """
    kinds = {"purchase": _purchases, "path": _paths, "browsing": _browsing}
    sessions = pd.concat([part(world, rng).assign(kind=kind) for kind, part in kinds.items()])
    for part in (_first_sessions, _clicks):
        sessions = pd.concat([sessions, part(world, rng).assign(kind="browsing")])
    # Who refuses tracking leaves no event at all.
    sessions = sessions[paths.tracked(world)[world.rows(sessions["person"])]]
    sessions["device"] = _devices(world, sessions, rng)
    sessions["account"] = _accounts(world, sessions, rng)
    sessions = pd.concat([sessions, _strangers(world, rng)])
    sessions = sessions[sessions["start"].between(HOUR, END - HOUR // 4)]
    sessions = sessions.sort_values(["start", "person", "order"], kind="stable", ignore_index=True)
    sessions["remembered"] = (sessions["account"] >= 0) & (rng.random(len(sessions)) < REMEMBERED)
    return sessions


def _session(person: Ints, start: Ints, product: Ints, app: Flags, **more: Texts | Ints | str) -> pd.DataFrame:
    columns = {"person": person, "start": start, "order": -1, "product": product, "app": app}
    return pd.DataFrame({**columns, "campaign": "", "source": "", **more})[SESSION]


def _purchases(world: World, _rng: np.random.Generator) -> pd.DataFrame:
    orders = world.purchases.orders
    here = orders[(orders["sales_channel"] != "till") & (orders["original"] < 0)]
    lines = world.purchases.lines
    bought = lines["product"].to_numpy()[np.searchsorted(lines["order"], here["order"])]
    source = paths.last_source(world).loc[here["order"]].to_numpy(dtype=object)
    in_app = (here["sales_channel"] == "app").to_numpy()
    return _session(
        here["person"].to_numpy(), seconds(here["day"], here["minute"]), bought, in_app,
        order=here["order"].to_numpy(), source=source, campaign=ads.campaigns_again(source),
    )  # fmt: skip


def _paths(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the visits that came before an order: about what was ordered then, on other days, by other ways."""
    touches = paths.visits(world)
    lines = world.purchases.lines
    product = lines["product"].to_numpy()[np.searchsorted(lines["order"], touches["order"])]
    source = touches["source"].to_numpy(dtype=object)
    campaign = np.where(touches["is_first"], ads.campaigns_first(source, rng), ads.campaigns_again(source))
    app = np.zeros(len(touches), dtype=bool)
    return _session(
        touches["person"].to_numpy(), _moment(touches["day"].to_numpy(dtype=float), rng), product, app,
        source=source, campaign=campaign.astype(object),
    )  # fmt: skip


def _strangers(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Draw visits of people who are no customers: some come a second time, nobody logs in."""
    count = len(world.people) * STRANGE_VISITS
    source = rng.choice(np.array(list(STRANGERS), dtype=object), count, p=list(STRANGERS.values()))
    again = rng.random(count) < ANOTHER_VISIT
    device = np.maximum.accumulate(np.where(again, 0, np.arange(count)))
    busy = day_weights()
    day = np.sort(rng.choice(len(busy), count, p=busy / busy.sum()))
    # Who comes again does so within a week or two.
    day = np.where(again, day + np.floor(rng.exponential(6, count)), day)
    product = rng.integers(0, len(world.products), count)
    app = np.zeros(count, dtype=bool)
    seen = _session(
        np.full(count, -1),
        _moment(day.astype(float), rng),
        product,
        app,
        source=source,
        campaign=ads.campaigns_first(source, rng),
    )
    seen["device"] = device + STRANGE_DEVICES + world.part * IDS_PER_PART
    return seen.assign(account=-1, kind="stranger")


def _browsing(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Draw sessions without an order while people are customers, thinned out towards the end, and a stray one after."""
    people = world.people[world.people["in_shop"]]
    begin = people["first_day"].to_numpy()
    end = np.where(people["left_day"] >= 0, people["left_day"], END / DAY)
    number = rng.poisson(np.maximum(end - begin, 0) * BROWSING_PER_DAY * people["engagement"].to_numpy())
    row = np.repeat(np.arange(len(people)), number)
    day = rng.uniform(begin[row], end[row])
    leaving = (people["left_day"].to_numpy() >= 0)[row]
    kept = ~leaving | (rng.random(len(row)) < (end[row] - day) / FADES_OVER_DAYS)
    stray = np.flatnonzero((people["left_day"].to_numpy() >= 0) & (rng.random(len(people)) < STRAY))
    row = np.concatenate([row[kept], stray])
    day = np.concatenate([day[kept], rng.uniform(end[stray] + 1, END / DAY)])
    person = people["person"].to_numpy()[row]
    app = rng.random(len(row)) < people["app_share"].to_numpy()[row]
    return _session(person, _moment(np.floor(day), rng), _liked(world, person, rng), app)


def _first_sessions(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Draw how the shop's people found it, in the fortnight before their first order."""
    people = world.people[world.people["in_shop"] & (world.people["acquisition"] != "store")]
    came = people["acquisition"].to_numpy(dtype=object)
    paid = rng.random(len(people)) < pd.Series(came).map(PAID).fillna(0).to_numpy()
    source = np.where(paid, came, "").astype(object)
    person = people["person"].to_numpy()
    day = np.floor(people["first_day"].to_numpy()) - rng.integers(1, 15, len(people))
    return _session(
        person, _moment(day, rng), _liked(world, person, rng), np.zeros(len(people), dtype=bool), source=source,
        campaign=ads.campaigns_first(source, rng),
    )  # fmt: skip


def _clicks(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Let a click in a mail open the shop, a few seconds later."""
    seen = mail.outcomes(world)
    clicked = seen[seen["clicked"] >= 0]
    person = clicked["person"].to_numpy()
    start = clicked["clicked"].to_numpy() + rng.integers(1, 9, len(clicked))
    name = clicked["name"].to_numpy(dtype=object)
    app = np.zeros(len(clicked), dtype=bool)
    return _session(person, start, _liked(world, person, rng), app, source="mail", campaign=name)


def _moment(day: NDArray[np.float64], rng: np.random.Generator) -> Ints:
    hour = rng.choice(24, len(day), p=WEB_HOURS / WEB_HOURS.sum())
    return day.astype(np.int64) * DAY + hour * HOUR + rng.integers(0, HOUR, len(day))


def _liked(world: World, person: Ints, rng: np.random.Generator) -> Ints:
    """Return a product of a category to each person's taste."""
    taste = np.cumsum(world.people[TASTES].to_numpy(), axis=1)[world.rows(person)]
    category = np.minimum((rng.random(len(person))[:, None] > taste).sum(axis=1), len(TASTES) - 1)
    # The assortment is sorted by category.
    first = np.searchsorted(world.products["category"], np.arange(len(TASTES) + 1))
    return first[category] + (rng.random(len(person)) * (first[category + 1] - first[category])).astype(np.int64)


def _devices(world: World, sessions: pd.DataFrame, rng: np.random.Generator) -> Ints:
    """Number the devices: two for some people, one for all of some households, and the app is its own."""
    people = world.people
    person = people["person"].to_numpy()
    family = people.groupby("household")["person"].transform("min").to_numpy()
    shares = (people["household"] >= 0).to_numpy() & (rng.random(len(people)) < FAMILY_DEVICE)
    owner = np.where(shares, family, person)
    has_second = rng.random(len(people)) < SECOND_DEVICE
    row = world.rows(sessions["person"])
    second = has_second[row] & (rng.random(len(sessions)) < 0.4)
    browser = np.where(second, person[row] * 3 + 1, owner[row] * 3)
    return np.where(sessions["app"], person[row] * 3 + 2, browser)


def _accounts(world: World, sessions: pd.DataFrame, rng: np.random.Generator) -> Ints:
    """Return the account in use: the order's own, else the person's newest where they log in at all."""
    orders = world.purchases.orders
    order = sessions["order"].to_numpy()
    person = sessions["person"].to_numpy()
    newest = account_of(world, person, sessions["start"].to_numpy())
    logs_in = rng.random(len(sessions)) < np.where(sessions["app"], 0.9, 0.4)
    return np.where(order >= 0, orders["record"].to_numpy()[order], np.where(logs_in, newest, -1))
