"""The loyalty club of the stores: joining, points earned, spent and lapsed, and tiers, as CSV by card number.

A pound earns a point. The tier follows what a card spent in the twelve months up to an order.
"""

import numpy as np
import pandas as pd

from crm_pipeline.sample.calendar import DAYS
from crm_pipeline.sample.channels.moments import DAY, END, HOUR, MINUTE, Ints, local, seconds
from crm_pipeline.sample.channels.rows import by_moment, ids, named_by_contact, shared_random
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.tables import SourceFile, numbers
from crm_pipeline.sample.world import World

SYSTEM = "club"
# Cards and receipts are the till's.
NAMESPACE = "till"
TIERS = ("bronze", "silver", "gold")
# Pence within twelve months from which a card is silver, gold.
THRESHOLDS = np.array([30_000, 70_000])
TIER_DAYS = 365
REWARD_POINTS = 250
REDEEMED = 0.6
LAPSES_AFTER_DAYS = 365
EVENT = ["card", "kind", "points", "tier", "order_id", "moment"]
FAULTS = {
    "movements": [
        Fault("missing_id", "loyalty_id", "card", ""),
        Fault("unknown_code", "kind", "kind", "gift"),
        Fault("text_in_amount", "points", "points", "many"),
        Fault("bad_date", "occurred_at", "booked", "32.01.2025 10:00"),
    ]
}


def movements(world: World) -> pd.DataFrame:
    """Return all movements in time order.

    Returns:
        One row per movement: event_id, card (row of the members), kind, points, tier, order_id, moment.
    """
    rng = shared_random(world, SYSTEM)
    earned, returned = _earned(world), _returned(world)
    redeemed = _redeemed(earned, rng)
    lapsed = _lapsed(earned, pd.concat([returned, redeemed.assign(points=-redeemed["points"])]))
    seen = pd.concat([_joined(world), earned, returned, _tier_changes(earned), redeemed, lapsed])[EVENT]
    seen = seen[seen["moment"].between(0, END)].sort_values(["moment", "card"], kind="stable", ignore_index=True)
    return seen.assign(event_id=ids("L", world, len(seen)))


def files(world: World, _rng: np.random.Generator) -> list[SourceFile]:
    """Write the movements by period."""
    seen = movements(world)
    cells = pd.DataFrame(
        {
            "no": seen["event_id"],
            "card": world.members["card_no"].to_numpy(dtype=object)[seen["card"]],
            "kind": seen["kind"],
            "points": np.where(seen["points"] == 0, "", numbers(seen["points"])),
            "tier": seen["tier"],
            "receipt": seen["order_id"],
            "booked": local(seen["moment"].to_numpy(), "%d.%m.%Y"),
        },
        dtype=object,
    )
    return by_moment(cells, seen["moment"].to_numpy(), (SYSTEM, "movements", "csv"), "no")


def records(world: World) -> pd.DataFrame:
    """Return the truth on whose the cards are, by the movement of joining."""
    seen = movements(world)
    seen["person"] = world.members["person"].to_numpy()[seen["card"]]
    return named_by_contact(NAMESPACE, seen, "event_id", seen["card"].to_numpy(), (seen["kind"] == "join").to_numpy())


def _event(card: Ints, kind: str, moment: Ints, **more: object) -> pd.DataFrame:
    columns = {"card": card, "kind": kind, "points": 0, "tier": "", "order_id": "", "moment": moment}
    return pd.DataFrame({**columns, **more})


def _joined(world: World) -> pd.DataFrame:
    # Cards are handed out when the stores open, before the day's first receipt.
    moment = world.members["joined_day"].to_numpy() * DAY + 6 * HOUR
    return _event(np.arange(len(world.members)), "join", moment, tier=TIERS[0])


def _earned(world: World) -> pd.DataFrame:
    """Return the points of receipts that showed a card, by card and time, with the card's spend of twelve months."""
    orders = world.purchases.orders
    here = orders[(orders["sales_channel"] == "till") & (orders["record"] >= 0) & (orders["status"] == "completed")]
    here = here.sort_values(["record", "day", "minute", "order"], kind="stable", ignore_index=True)
    card, day = here["record"].to_numpy(), here["day"].to_numpy()
    spent = np.concatenate([[0], np.cumsum(here["total"].to_numpy())])
    # Days of different cards lie so far apart that no year reaches from one into the other.
    clock = card * (DAYS + 2 * TIER_DAYS) + day
    year_ago = np.searchsorted(clock, clock - TIER_DAYS, side="right")
    year = spent[1:] - spent[year_ago]
    level = np.searchsorted(THRESHOLDS, year, side="right")
    return _event(
        card, "earn", seconds(day, here["minute"]), points=here["total"].to_numpy() // 100,
        tier=np.array(TIERS, dtype=object)[level], order_id=here["order_id"].to_numpy(dtype=object),
    )  # fmt: skip


def _returned(world: World) -> pd.DataFrame:
    """Take back the points of what was brought back."""
    orders = world.purchases.orders
    back = orders[(orders["sales_channel"] == "till") & (orders["record"] >= 0) & (orders["status"] == "returned")]
    points = -(back["total"].to_numpy() // 100)
    moment = seconds(back["day"], back["minute"])
    return _event(back["record"].to_numpy(), "adjust", moment, points=points, order_id=back["order_id"])


def _tier_changes(earned: pd.DataFrame) -> pd.DataFrame:
    """Return the movements at which a card's tier is another than at its order before; a card begins in the lowest."""
    card, tier = earned["card"].to_numpy(), earned["tier"].to_numpy(dtype=object)
    before = np.where(np.r_[True, card[1:] != card[:-1]], TIERS[0], np.roll(tier, 1)) if len(earned) else tier
    changed = earned[tier != before]
    return changed.assign(kind="tier_change", points=0)


def _redeemed(earned: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Let most of those whose points reach another reward spend it at that order, a minute later."""
    rewards = earned.groupby("card")["points"].cumsum() // REWARD_POINTS
    reached = rewards > rewards.groupby(earned["card"]).shift(fill_value=0)
    taken = earned[reached.to_numpy() & (rng.random(len(earned)) < REDEEMED)]
    return taken.assign(kind="redeem", points=REWARD_POINTS, tier="", moment=taken["moment"] + MINUTE)


def _lapsed(earned: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """Let the points that are left on a card lapse when nothing was earned for a year."""
    left = earned.groupby("card")["points"].sum()
    left = left.add(taken.groupby("card")["points"].sum().reindex(left.index, fill_value=0))
    moment = earned.groupby("card")["moment"].max().to_numpy() // DAY * DAY
    lapsed = _event(
        left.index.to_numpy(), "expire", moment + LAPSES_AFTER_DAYS * DAY + 8 * HOUR, points=left.to_numpy()
    )
    return lapsed[lapsed["points"] > 0]
