"""Referrals of the web shop: who invited whom, when the friend first bought, and invitations that came to nothing."""

import numpy as np
import pandas as pd

from crm_pipeline.sample.channels.moments import DAY, END, HOUR, MISSING, Ints, iso, known, seconds
from crm_pipeline.sample.channels.rows import account_ids, account_of, by_moment, ids, named_by_contact, shared_random
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.tables import SourceFile, money, numbers
from crm_pipeline.sample.world import World

SYSTEM = "refer"
NAMESPACE = "shop"
REWARD = 500
UNANSWERED = 0.12
NAMED_BY_ID = 0.7
FAULTS = {
    "invitations": [
        Fault("missing_id", "referral_id", "id", ""),
        Fault("bad_date", "invited_at", "invited_at", "last week"),
        Fault("negative_amount", "reward_amount", "reward", "-5.00"),
    ]
}


def invitations(world: World) -> pd.DataFrame:
    """Return all invitations.

    Returns:
        One row per invitation: referral_id, person (invited; -1 for a stranger), referrer (account, row), account (of
        the invited, row; -1 where they are named by e-mail), email, invited, accepted (moments), reward (pence).
    """
    rng = shared_random(world, SYSTEM)
    seen = pd.concat([_accepted(world, rng), _unanswered(world, rng)], ignore_index=True)
    seen = seen.sort_values(["invited", "person"], kind="stable", ignore_index=True)
    seen["reward"] = np.where(seen["accepted"] == MISSING, 0, REWARD)
    return seen.assign(referral_id=ids("I", world, len(seen)))


def files(world: World, _rng: np.random.Generator) -> list[SourceFile]:
    """Write the invitations by period."""
    seen = invitations(world)
    cells = pd.DataFrame(
        {
            "id": seen["referral_id"],
            "referrer": account_ids(world, seen["referrer"].to_numpy()),
            "friend": account_ids(world, seen["account"].to_numpy()),
            "friend_email": seen["email"],
            "invited_at": iso(seen["invited"].to_numpy()),
            "accepted_at": iso(seen["accepted"].to_numpy()),
            "reward": money(seen["reward"]),
        },
        dtype=object,
    )
    return by_moment(cells, seen["invited"].to_numpy(), (SYSTEM, "invitations", "csv"), "id")


def records(world: World) -> pd.DataFrame:
    """Return the truth on invited people who are named by their e-mail alone; strangers are nobody."""
    seen = invitations(world)
    where = ((seen["email"] != "") & (seen["person"] >= 0)).to_numpy()
    return named_by_contact(NAMESPACE, seen, "referral_id", seen["email"].to_numpy(dtype=object), where)


def _accepted(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Return the invitations that brought somebody: made in the weeks before the friend's first order."""
    people = world.people[world.people["referrer"] >= 0]
    orders = world.purchases.orders
    moment = pd.Series(seconds(orders["day"], orders["minute"]), index=orders["person"])
    first = moment[orders["original"].to_numpy() < 0].groupby(level=0).min().reindex(people["person"])
    accepted: Ints = first.fillna(MISSING).to_numpy(dtype=np.int64)
    begun = np.where(accepted == MISSING, np.floor(people["first_day"]).astype(np.int64) * DAY + 12 * HOUR, accepted)
    invited = begun - rng.integers(DAY, 21 * DAY, len(people))
    person, email = people["person"].to_numpy(), people["email"].to_numpy(dtype=object)
    account = account_of(world, person, np.full(len(person), END))
    account = np.where(rng.random(len(person)) < NAMED_BY_ID, account, -1)
    seen = pd.DataFrame({"person": person, "account": account, "email": np.where(account >= 0, "", email)})
    seen["referrer"] = account_of(world, people["referrer"].to_numpy(), np.full(len(person), END))
    seen["invited"], seen["accepted"] = np.maximum(invited, 0), known(accepted)
    # The shop knows of an invitation only from an account of its own.
    return seen[seen["referrer"] >= 0]


def _unanswered(world: World, rng: np.random.Generator) -> pd.DataFrame:
    accounts = world.accounts
    referrer: Ints = np.flatnonzero(rng.random(len(accounts)) < UNANSWERED)
    opened = accounts["registered_day"].to_numpy()[referrer] * DAY + 12 * HOUR
    invited = opened + (rng.random(len(referrer)) * np.maximum(END - opened, 0)).astype(np.int64)
    email = "friend" + numbers(referrer + 10_000_000 * world.part) + "@example.net"
    seen = pd.DataFrame({"email": email, "referrer": referrer, "invited": invited})
    return seen.assign(person=-1, account=-1, accepted=MISSING)
