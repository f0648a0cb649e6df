"""The preference centre: what people agreed to and took back, by purpose and contact channel, as CSV with all of it.

It knows half of its visitors by their shop account, the others by the e-mail address alone.
"""

import numpy as np
import pandas as pd

from crm_pipeline.sample.channels.moments import DAY, END, HOUR, Flags, Ints, iso
from crm_pipeline.sample.channels.rows import RECORDS, account_ids, account_of, by_moment, shared_random
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.tables import SourceFile
from crm_pipeline.sample.world import World

SYSTEM = "consent"
NAMESPACE = "shop"
# The truth names a decision's person by the address: decisions have no id.
KIND = "email"
VISITED = 0.55
NAMED_BY_ID = 0.5
PROFILING = 0.6
CHANGED_MIND = 0.15
CHANNELS = ("email", "phone", "post")
FAULTS = {
    "decisions": [
        Fault("unknown_code", "purpose", "purpose", "anything"),
        Fault("missing_value", "is_granted", "granted", ""),
        Fault("bad_date", "decided_at", "decided_at", "2025-04-31"),
    ]
}


def decisions(world: World) -> pd.DataFrame:
    """Return all decisions in time order.

    Returns:
        One row per decision: person, account (row, -1 where named by e-mail), email, purpose, contact_channel, granted,
        decided (moment), origin. A person's last decision on a contact channel is their true wish.
    """
    rng = shared_random(world, SYSTEM)
    people = world.people
    row = np.flatnonzero((people["email"] != "").to_numpy() & (rng.random(len(people)) < VISITED))
    visitor = people.iloc[row].reset_index(drop=True)
    came = np.floor(visitor["first_day"]).astype(np.int64).to_numpy()
    begun = came * DAY + rng.integers(13 * HOUR, 23 * HOUR, len(row))
    parts = []
    for contact_channel in CHANNELS:
        wish = visitor[f"consent_{contact_channel}"].to_numpy(dtype=bool)
        withdrawn = visitor["consent_changed_day"].to_numpy() if contact_channel == "email" else np.full(len(row), -1)
        parts += _history("marketing", contact_channel, wish, begun, withdrawn, rng)
    profiled = rng.random(len(row)) < PROFILING
    parts += _history("profiling", "all", profiled, begun, np.full(len(row), -1), rng)
    seen = pd.concat(parts, ignore_index=True)
    _name_visitors(seen, world, visitor, rng)
    seen = seen[seen["decided"] <= END]
    return seen.sort_values(["decided", "person", "purpose", "contact_channel"], kind="stable", ignore_index=True)


def files(world: World, _rng: np.random.Generator) -> list[SourceFile]:
    """Write the decisions by period."""
    seen = decisions(world)
    cells = pd.DataFrame(
        {
            "account": account_ids(world, seen["account"].to_numpy()),
            "email": seen["email"],
            "purpose": seen["purpose"],
            "channel": seen["contact_channel"],
            "granted": np.where(seen["granted"], "true", "false"),
            "decided_at": iso(seen["decided"].to_numpy()),
            "where": seen["origin"],
        },
        dtype=object,
    )
    return by_moment(cells, seen["decided"].to_numpy(), (SYSTEM, "decisions", "csv"), "decided_at")


def records(world: World) -> pd.DataFrame:
    """Return the truth on visitors who are named by their e-mail alone: the address is the id."""
    seen = decisions(world)
    named = seen.loc[seen["email"] != "", ["email", "person"]].drop_duplicates(ignore_index=True)
    return named.assign(system=NAMESPACE, kind=KIND, source_id=named["email"])[RECORDS]


def _history(
    purpose: str, contact_channel: str, wish: Flags, begun: Ints, withdrawn_day: Ints, rng: np.random.Generator
) -> list[pd.DataFrame]:
    """Return first decisions and later ones: a withdrawal on its day, and some who came to agree only later."""
    row = np.arange(len(wish))
    withdrew = withdrawn_day >= 0
    late = wish & ~withdrew & (rng.random(len(wish)) < CHANGED_MIND) & (begun + DAY < END)
    later = begun + DAY + (rng.random(len(wish)) * (END - begun - DAY)).astype(np.int64)
    first = pd.DataFrame({"row": row, "granted": (wish | withdrew) & ~late, "decided": begun, "origin": "sign-up"})
    taken_back = np.maximum(withdrawn_day * DAY + 20 * HOUR, begun + HOUR)[withdrew]
    second = [
        pd.DataFrame({"row": row[withdrew], "granted": False, "decided": taken_back, "origin": "unsubscribe link"}),
        pd.DataFrame({"row": row[late], "granted": True, "decided": later[late], "origin": "preference centre"}),
    ]
    return [part.assign(purpose=purpose, contact_channel=contact_channel) for part in (first, *second)]


def _name_visitors(seen: pd.DataFrame, world: World, visitor: pd.DataFrame, rng: np.random.Generator) -> None:
    row = seen.pop("row").to_numpy()
    by_id = rng.random(len(visitor)) < NAMED_BY_ID
    seen["person"] = visitor["person"].to_numpy()[row]
    account = account_of(world, seen["person"].to_numpy(), seen["decided"].to_numpy())
    seen["account"] = np.where(by_id[row], account, -1)
    seen["email"] = np.where(seen["account"] >= 0, "", visitor["email"].to_numpy(dtype=object)[row])
