"""The advertising accounts: what was spent per day and campaign, as Excel workbooks.

Spend buys the customers who come through a medium; what one costs differs between media.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import DAYS, FULL_DAYS
from crm_pipeline.sample.channels.moments import DAY, Ints
from crm_pipeline.sample.channels.rows import by_moment
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.tables import SourceFile, Texts, calendar_dates
from crm_pipeline.sample.world import World

SYSTEM = "ads"
# Campaign: medium, share of the medium's spend, price of a click in pence, share of impressions clicked.
CAMPAIGNS = {
    "search_brand": ("search", 0.3, 35, 0.09),
    "search_homeware": ("search", 0.7, 80, 0.03),
    "social_new_faces": ("social", 0.65, 45, 0.008),
    "social_reminder": ("social", 0.35, 30, 0.015),
    "affiliate_deals": ("affiliate", 1.0, 25, 0.05),
}
# What a new customer costs, in pence.
COST = {"search": 1900, "social": 2600, "affiliate": 1100}
FIRST = {"search": "search_homeware", "social": "social_new_faces", "affiliate": "affiliate_deals"}
AGAIN = {"search": "search_brand", "social": "social_reminder"}
# How links name a source: utm_source, utm_medium.
UTM = {
    "search": ("findwell", "cpc"),
    "social": ("picturebook", "paid_social"),
    "affiliate": ("dealhunter", "affiliate"),
    "mail": ("newsletter", "email"),
}
RUNS_AHEAD_DAYS = 28
FAULTS = {
    "spend": [
        Fault("text_in_amount", "spend", "Spend", "n/a"),
        Fault("unknown_code", "medium", "Channel", "blimp"),
    ]
}


def campaigns_first(source: Texts, rng: np.random.Generator) -> Texts:
    """Return the campaign behind a first visit from each advertising medium; empty for none."""
    brand = (source == "search") & (rng.random(len(source)) < 0.2)
    return np.where(brand, AGAIN["search"], _mapped(source, FIRST))


def campaigns_again(source: Texts) -> Texts:
    """Return the campaign behind a later visit from each advertising medium; empty for none."""
    return _mapped(source, AGAIN)


def files(world: World, rng: np.random.Generator) -> list[SourceFile]:
    """Write the spend of every full day by period; the first part of the company does it for all."""
    if world.part:
        return []
    spend = pd.concat([_spend(world, name, rng) for name in CAMPAIGNS]).sort_values(["day", "Campaign"], kind="stable")
    return by_moment(spend.drop(columns="day"), spend["day"].to_numpy() * DAY, (SYSTEM, "spend", "xlsx"), "Date")


def _mapped(source: Texts, names: dict[str, str]) -> Texts:
    return pd.Series(source, dtype=object).map(names).fillna("").to_numpy(dtype=object)


def _spend(world: World, name: str, rng: np.random.Generator) -> pd.DataFrame:
    medium, share, click_price, click_rate = CAMPAIGNS[name]
    # The first part writes for all: each has its share of the people who come.
    wanted = _customers_to_come(world, medium) * COST[medium] * share * world.parts
    pence = np.round(wanted * rng.lognormal(0, 0.15, FULL_DAYS)).astype(np.int64)
    clicks = np.round(pence / click_price * rng.lognormal(0, 0.1, FULL_DAYS)).astype(np.int64)
    shown = np.round(clicks / click_rate * rng.lognormal(0, 0.1, FULL_DAYS)).astype(np.int64)
    day = np.arange(FULL_DAYS)
    cells = {
        "Date": calendar_dates(day).tolist(),
        "Channel": medium,
        "Campaign": name,
        "Spend": [value / 100 for value in pence.tolist()],
        "Impressions": shown.tolist(),
        "Clicks": clicks.tolist(),
    }
    return pd.DataFrame(cells, dtype=object).assign(day=day)


def _customers_to_come(world: World, medium: str) -> NDArray[np.float64]:
    """Return the new customers a day that a medium wins, averaged over the four weeks that follow each day."""
    came: Ints = np.floor(world.people["first_day"][world.people["acquisition"] == medium]).astype(np.int64).to_numpy()
    daily = np.bincount(came, minlength=DAYS + RUNS_AHEAD_DAYS).astype(np.float64)
    total = np.concatenate([[0.0], np.cumsum(daily)])
    ahead = np.minimum(np.arange(FULL_DAYS) + RUNS_AHEAD_DAYS, DAYS)
    return (total[ahead] - total[np.arange(FULL_DAYS)]) / np.maximum(ahead - np.arange(FULL_DAYS), 1)
