"""The shop's web analytics: events in Parquet, with times in UTC and the shop's account ids from the login on.

Where a session came from stands in columns of its own for one half of them, and only in the address of the page for
the other; the app sends no session ids.
"""

from urllib.parse import quote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.channels.ads import UTM
from crm_pipeline.sample.channels.moments import Flags, Ints, utc
from crm_pipeline.sample.channels.rows import IDS_PER_PART, account_ids, by_moment
from crm_pipeline.sample.channels.sessions import make_sessions
from crm_pipeline.sample.dirt import WAITING, Fault
from crm_pipeline.sample.tables import SourceFile, Texts, numbers
from crm_pipeline.sample.world import World

SYSTEM = "web"
SITE = "https://harbourfinch.example"
# In the order in which they happen within a session: share of sessions of each kind. Of a step that needs an earlier
# one (a cart a product, a checkout a cart), it is the share of the sessions that came so far.
KINDS = ("purchase", "path", "browsing", "stranger")
STEPS = {
    "open": (1.0, 1.0, 1.0, 1.0),
    "search": (0.12, 0.25, 0.2, 0.06),
    "product_view": (1.0, 0.85, 0.7, 0.38),
    "another_view": (0.3, 0.45, 0.35, 0.3),
    "add_to_cart": (1.0, 0.6, 0.3, 0.3),
    "remove_from_cart": (0.03, 0.15, 0.25, 0.2),
    "login": (1.0, 1.0, 1.0, 1.0),
    "checkout": (1.0, 0.45, 0.4, 0.4),
    "purchase": (1.0, 0.0, 0.0, 0.0),
}
NAMES = ("open", "search", "product_view", "product_view", *list(STEPS)[4:])
OPEN, SEARCH, VIEW, ANOTHER, CART, UNCART, LOGIN, CHECKOUT, PURCHASE = range(len(STEPS))
REFERRERS = {
    "organic": "https://findwell.example/",
    "search": "https://findwell.example/",
    "social": "https://picturebook.example/",
    "affiliate": "https://dealhunter.example/",
}
FAULTS = {
    "events": [
        Fault("missing_id", "event_id", "event_id", None),
        Fault("unknown_code", "event_type", "event", "tap"),
        Fault("negative_amount", "duration_seconds", "seconds", -5),
        Fault("future_time", "occurred_at", "occurred_at", pd.Timestamp("2062-01-31 12:00", tz="UTC"), WAITING),
    ]
}


def files(world: World, rng: np.random.Generator) -> list[SourceFile]:
    """Write all events by period, in time order."""
    sessions = make_sessions(world, rng)
    session, step, moment = _events(sessions, rng)
    of = sessions.iloc[session].reset_index(drop=True)
    product = np.where(step == ANOTHER, _neighbour(of["product"].to_numpy(), len(world.products)), of["product"])
    sku = world.products["shop_id"].to_numpy(dtype=object)[product]
    about_product = np.isin(step, (VIEW, ANOTHER, CART, UNCART))
    known_by = account_ids(world, _logged_in(of, step))
    order = of["order"].to_numpy()
    cells = pd.DataFrame(
        {
            "event_id": "E" + numbers(np.arange(len(of)) + world.part * IDS_PER_PART),
            "device_id": _scrambled(of["device"].to_numpy()),
            "user_id": _only(known_by, known_by != ""),
            "session_id": _only("S" + numbers(session + world.part * IDS_PER_PART), ~of["app"].to_numpy()),
            "event": np.where((step == OPEN) & of["app"], "app_open", _EVENT[step]),
            "platform": np.where(of["app"], "app", "web"),
            "device": _DEVICE[np.where(of["app"], 0, _kinds(of["device"].to_numpy()))],
            **_pages(of, step, sku, rng),
            "sku": _only(sku, about_product),
            "order_id": _only(world.purchases.orders["order_id"].to_numpy(dtype=object)[order], step == PURCHASE),
            "term": _only(_terms(world)[product], step == SEARCH),
        },
        dtype=object,
    ).assign(occurred_at=utc(moment), seconds=_seconds(session, moment))
    return by_moment(cells, moment, (SYSTEM, "events", "parquet"), "event_id")


_EVENT = np.array([{"open": "page_view"}.get(name, name) for name in NAMES], dtype=object)
_DEVICE = np.array(["mobile", "desktop", "tablet"], dtype=object)
# Of a hundred devices.
_KINDS_UP_TO = (61, 94)


def _events(sessions: pd.DataFrame, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Return session (row), step and moment of each event; an order's purchase falls on the minute of the order."""
    count = len(sessions)
    buys = (sessions["order"] >= 0).to_numpy()
    shares = np.array(list(STEPS.values())).T
    kind = sessions["kind"].map({name: place for place, name in enumerate(KINDS)}).to_numpy()
    happens = rng.random((count, len(STEPS))) < shares[kind]
    happens[:, LOGIN] = (sessions["account"] >= 0) & ~sessions["remembered"]
    for later, needed in ((ANOTHER, VIEW), (CART, VIEW), (UNCART, CART), (CHECKOUT, CART)):
        happens[:, later] &= happens[:, needed]
    gaps = rng.integers(6, 110, (count, len(STEPS))) * happens
    gaps[:, 0] = 0
    offset = np.cumsum(gaps, axis=1)
    start = sessions["start"].to_numpy() - np.where(buys, offset[:, -1], 0)
    session, step = np.nonzero(happens)
    moment = start[session] + offset[session, step]
    in_time = np.argsort(moment, kind="stable")
    return session[in_time], step[in_time], moment[in_time]


def _logged_in(of: pd.DataFrame, step: Ints) -> Ints:
    """Return the account of each event: from the login on, or throughout where the visitor was remembered."""
    known: Flags = of["remembered"].to_numpy() | (step >= LOGIN)
    return np.where(known, of["account"].to_numpy(), -1)


def _neighbour(product: Ints, products: int) -> Ints:
    return np.minimum(product + 1, products - 1)


def _pages(of: pd.DataFrame, step: Ints, sku: Texts, rng: np.random.Generator) -> dict[str, Texts]:
    """Return the page's address, where the visitor came from, and the source's columns."""
    paths = np.array(["/", "/search", "", "", "/cart", "/cart", "/login", "/checkout", "/thank-you"], dtype=object)
    path = np.where(np.isin(step, (VIEW, ANOTHER)), "/product/" + sku, paths[step])
    landing = (step == OPEN) & (of["source"] != "").to_numpy()
    link = of["source"] + "|" + of["campaign"]
    codes, links = pd.factorize(link.where(landing, "|"))
    parts = [(*UTM.get(name.partition("|")[0], ("", "")), name.partition("|")[2]) for name in links]
    in_address = (rng.random(len(of)) < 0.5) & landing
    queries = np.array(
        [f"?utm_source={s}&utm_medium={m}&utm_campaign={quote(c)}" if s else "" for s, m, c in parts], dtype=object
    )
    address = SITE + path + np.where(in_address, queries[codes], "")
    referrers = np.array([REFERRERS.get(name.partition("|")[0]) for name in links], dtype=object)
    columns: dict[str, Texts] = {"page": address.astype(object), "referrer": _only(referrers[codes], landing)}
    for place, name in enumerate(("utm_source", "utm_medium", "utm_campaign")):
        values = np.array([part[place] or None for part in parts], dtype=object)
        columns[name] = _only(values[codes], landing & ~in_address)
    return columns


def _only(texts: Texts, where: Flags) -> Texts:
    """Return the texts where the condition holds, and nothing elsewhere."""
    kept = np.full(len(texts), None, dtype=object)
    kept[where] = texts[where]
    return kept


def _terms(world: World) -> Texts:
    """Return what people search for to find each product: the kind of thing, without the range that it belongs to."""
    return world.products["name"].str.lower().str.split(" ", n=1).str[1].to_numpy(dtype=object)


def _scrambled(device: Ints) -> Texts:
    """Return ids that look random: a product with an odd number, modulo a power of two, is another one for each."""
    distinct, place = np.unique(device, return_inverse=True)
    return np.array([f"d-{value % (1 << 48):012x}" for value in _mixed(distinct).tolist()], dtype=object)[place]


def _kinds(device: Ints) -> Ints:
    """Return what kind of device each is: most are phones, few are tablets."""
    draw = (_mixed(device) >> np.uint64(40)).astype(np.int64) % 100
    return np.searchsorted(_KINDS_UP_TO, draw, side="right")


def _mixed(device: Ints) -> NDArray[np.uint64]:
    return (device.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)


def _seconds(session: Ints, moment: Ints) -> pd.Series:
    """Return how long each event lasted: until the session's next one, unknown for its last."""
    order = np.lexsort((moment, session))
    length = np.full(len(session), -1, dtype=np.int64)
    length[order[:-1]] = np.where(session[order][1:] == session[order][:-1], np.diff(moment[order]), -1)
    return pd.Series(length, dtype="Int64").where(length >= 0)
