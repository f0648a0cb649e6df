"""What brings people to order online: the medium behind each order, and the visits on the way to it.

The truth of each online order is one medium (`brought_by`); other visits on its path were only on the way. Nobody sees
the truth: an attribution model has the visits alone, and those of people who accept tracking.
"""

import numpy as np
import pandas as pd

from crm_pipeline.sample.channels.moments import Flags
from crm_pipeline.sample.channels.rows import shared_random
from crm_pipeline.sample.tables import Texts
from crm_pipeline.sample.world import World

TRACKED = 0.42
# Orders that an advertisement brings from those who are customers already.
RETARGETED = {"search": 0.07, "social": 0.07, "affiliate": 0.02}
OWN_ACCORD = "own accord"
# Share of orders with 0, 1, ... visits before that of the order itself; new customers look around longer.
VISITS_BEFORE = (0.38, 0.3, 0.17, 0.09, 0.04, 0.02)
VISITS_BEFORE_FIRST = (0.14, 0.26, 0.26, 0.17, 0.1, 0.07)
# Where somebody comes from on the way.
ON_THE_WAY = {"": 0.34, "organic": 0.26, "search": 0.18, "social": 0.15, "affiliate": 0.07}
PAID = ("search", "social", "affiliate")
# The visit of the order itself comes by the medium that brought it; else that was an earlier one.
LAST_CLICK = 0.4
LONGEST_DAYS = 28
MEAN_DAYS = 6.0


def tracked(world: World) -> Flags:
    """Tell who accepts tracking; on the devices of a household one answer is given for all."""
    household = world.people["household"].to_numpy()
    answers = world.rows(np.where(household >= 0, household, world.people["person"]))
    accepted: Flags = shared_random(world, "tracking").random(len(world.people)) < TRACKED
    return accepted[answers]


def brought_by(world: World) -> pd.DataFrame:
    """Return what brought each online order.

    Returns:
        One row per online order that is no return: order, person, day, is_first (of the person), brought_by (the medium
        of the campaign that caused it; of a first order, what brought the person; an advertisement; or the person's
        own accord).
    """
    rng = shared_random(world, "brought by")
    orders = world.purchases.orders
    here = orders.loc[(orders["sales_channel"] != "till") & (orders["original"] < 0), ["order", "person", "day"]]
    here = here.reset_index(drop=True)
    first = ~orders.loc[orders["original"] < 0, "person"].duplicated()
    here["is_first"] = first.loc[here["order"]].to_numpy()
    media = np.array([*RETARGETED, OWN_ACCORD], dtype=object)
    shares = [*RETARGETED.values(), 1 - sum(RETARGETED.values())]
    again = rng.choice(media, len(here), p=shares)
    won_by = world.people["acquisition"].to_numpy(dtype=object)[world.rows(here["person"])]
    caused = orders["campaign"].to_numpy()[here["order"]]
    medium = world.campaigns.set_index("campaign")["medium"]
    by_campaign = medium.reindex(caused).fillna("").to_numpy(dtype=object)
    here["brought_by"] = np.where(caused >= 0, by_campaign, np.where(here["is_first"], won_by, again))
    return here


def last_source(world: World) -> pd.Series:
    """Return, by order, from where the visit of the order itself comes: an advertisement, or nothing that is told.

    The app is opened by its owner.
    """
    here = brought_by(world)
    last = shared_random(world, "last click").random(len(here)) < LAST_CLICK
    in_app = world.purchases.orders["sales_channel"].to_numpy()[here["order"]] == "app"
    source = np.where(last & ~in_app & here["brought_by"].isin(PAID), here["brought_by"], "").astype(object)
    return pd.Series(source, index=here["order"])


def visits(world: World) -> pd.DataFrame:
    """Return the visits before the one of the order: order, person, day, source, is_first (path of a first order).

    A path to an order that an advertisement brought has a visit by it, if the order's own is not one.
    """
    rng = shared_random(world, "visits before")
    here = brought_by(world)
    number = np.where(
        here["is_first"],
        rng.choice(len(VISITS_BEFORE_FIRST), len(here), p=VISITS_BEFORE_FIRST),
        rng.choice(len(VISITS_BEFORE), len(here), p=VISITS_BEFORE),
    )
    needed = here["brought_by"].isin(PAID).to_numpy() & (last_source(world).to_numpy() == "")
    number = np.maximum(number, needed)
    row = np.repeat(np.arange(len(here)), number)
    seen = here.iloc[row].reset_index(drop=True)
    begins = np.diff(row, prepend=-1) > 0
    source: Texts = rng.choice(np.array(list(ON_THE_WAY), dtype=object), len(row), p=list(ON_THE_WAY.values()))
    seen["source"] = np.where(begins & needed[row], seen["brought_by"], source).astype(object)
    before = 1 + np.floor(rng.exponential(MEAN_DAYS, len(row))).astype(np.int64)
    seen["day"] = seen["day"] - np.minimum(before, LONGEST_DAYS)
    return seen[seen["day"] >= 0].reset_index(drop=True)


def truth(world: World) -> pd.DataFrame:
    """Return, for each online order, what truly brought it and how many visits were on its path before its own."""
    here = brought_by(world)
    before = visits(world)
    here["order_id"] = world.purchases.orders["order_id"].to_numpy()[here["order"]]
    here["visits_before"] = here["order"].map(before.groupby("order").size()).fillna(0).astype(np.int64)
    here["tracked"] = tracked(world)[world.rows(here["person"])]
    return here[["order_id", "person", "brought_by", "is_first", "visits_before", "tracked"]]
