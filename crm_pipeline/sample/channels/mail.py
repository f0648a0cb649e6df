"""The mailing system: campaigns as CSV, and every contact as a JSON line with what became of it.

Half of the recipients who have a shop account are named by its id, all others by the address that was written to.
"""

import numpy as np
import pandas as pd

from crm_pipeline.sample.channels.moments import (
    DAY,
    HOUR,
    MINUTE,
    MISSING,
    Flags,
    Ints,
    json_iso,
    known,
    seconds,
    waking,
)
from crm_pipeline.sample.channels.rows import (
    account_ids,
    account_of,
    by_moment,
    ids,
    named_by_contact,
    shared_random,
)
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.tables import NULL, SourceFile, Texts, calendar_dates, csv_cells, dates, json_cells, money
from crm_pipeline.sample.world import World

SYSTEM = "mail"
# Account ids and campaigns live in the shop's id namespace.
NAMESPACE = "shop"
NAMED_BY_ID = 0.5
BOUNCED = 0.02
UNSUBSCRIBED_WITHIN_DAYS = 60
MOMENTS = ("assigned", "sent", "delivered", "bounced", "opened", "clicked", "unsubscribed")
FAULTS = {
    "campaigns": [],
    "contacts": [
        Fault("missing_id", "contact_id", "id", NULL),
        Fault("bad_date", "assigned_at", "assigned_at", '"2025-02-30T10:00:00+00:00"'),
        Fault("unknown_code", "variant", "variant", '"group C"'),
    ],
}


def outcomes(world: World) -> pd.DataFrame:
    """Return what became of every contact.

    Returns:
        One row per row of `world.contacts`, with contact_id, campaign_id, medium, name, coupon, account_id
        (empty for none), by_id (named by it), email, phone, and the moments of MOMENTS.
    """
    rng = shared_random(world, "outcomes")
    seen = world.contacts.reset_index(drop=True)
    # Campaigns are numbered in the order of their rows.
    campaign = world.campaigns.set_index("campaign").loc[seen["campaign"]]
    for column in ("campaign_id", "medium", "name", "coupon"):
        seen[column] = campaign[column].to_numpy(dtype=object)
    seen["contact_id"] = ids("K", world, len(seen))
    seen["assigned"] = seconds(seen["day"], seen["minute"])
    _name_recipients(seen, world, rng)
    _draw_responses(seen, world, rng)
    return seen


def files(world: World, _rng: np.random.Generator) -> list[SourceFile]:
    """Write the company's campaigns (with the first part) and this part's contacts."""
    return [*([] if world.part else [_campaign_file(world)]), *_contact_files(outcomes(world))]


def records(world: World) -> pd.DataFrame:
    """Return the truth on recipients who are named by an address or number alone."""
    seen = outcomes(world)
    contact = np.where(seen["medium"] == "sms", seen["phone"], seen["email"])
    by_contact = ~seen["by_id"].to_numpy()
    return named_by_contact(NAMESPACE, seen, "contact_id", contact, by_contact)


def _name_recipients(seen: pd.DataFrame, world: World, rng: np.random.Generator) -> None:
    person = seen["person"].to_numpy()
    people = world.people.iloc[world.rows(person)]
    account = account_of(world, person, seen["assigned"].to_numpy())
    held = world.accounts["email"].to_numpy(dtype=object)[account]
    seen["account_id"] = account_ids(world, account)
    seen["by_id"] = (account >= 0) & (rng.random(len(seen)) < NAMED_BY_ID)
    seen["email"] = np.where((account >= 0) & (held != ""), held, people["email"].to_numpy(dtype=object))
    seen["phone"] = people["phone"].to_numpy(dtype=object)


def _draw_responses(seen: pd.DataFrame, world: World, rng: np.random.Generator) -> None:
    """Opens and clicks follow engagement, and fade once a person has left; who buys because of it has clicked."""
    count = len(seen)
    rows = world.rows(seen["person"])
    engagement = world.people["engagement"].to_numpy()[rows]
    left = world.people["left_day"].to_numpy()[rows]
    interest = np.where((left >= 0) & (left < seen["day"]), 0.15, 1.0) * engagement
    bought = seen["extra_orders"].to_numpy() > 0
    mail = (seen["medium"] == "email").to_numpy()
    treated = (seen["variant"] == "treatment").to_numpy()
    sent = np.where(treated, seen["assigned"] + rng.integers(0, 40, count) * MINUTE, MISSING)
    arrives = (rng.random(count) >= BOUNCED) | bought
    arrival = sent + np.where(mail, rng.integers(1, 90, count), rng.integers(1, 3, count) * DAY)
    opens = rng.random(count) < np.clip(0.33 * interest, 0.01, 0.92)
    clicks = rng.random(count) < np.clip(0.12 * interest, 0.005, 0.6)
    seen["sent"] = known(sent)
    seen["delivered"] = known(arrival, treated & arrives)
    seen["bounced"] = known(arrival, treated & ~arrives & mail)
    delay = np.minimum(rng.exponential(9 * HOUR, count), 6 * DAY).astype(np.int64) + MINUTE
    opened = np.maximum(waking(arrival + delay), arrival + MINUTE)
    seen["opened"] = known(opened, treated & arrives & mail & (opens | bought))
    clicked = opened + rng.integers(5, 240, count)
    seen["clicked"] = known(clicked, (seen["opened"] != MISSING).to_numpy() & (clicks | bought))
    seen["unsubscribed"] = _unsubscribed(seen, world.people["consent_changed_day"].to_numpy()[rows])


def _unsubscribed(seen: pd.DataFrame, withdrawn_day: Ints) -> Ints:
    """Let who withdrew the mail consent do so by the last mail that reached them before."""
    at = withdrawn_day * DAY + 20 * HOUR
    delivered = seen["delivered"].to_numpy()
    reached: Flags = (withdrawn_day >= 0) & (seen["medium"] == "email").to_numpy() & (delivered != MISSING)
    reached &= (delivered < at) & (at - delivered < UNSUBSCRIBED_WITHIN_DAYS * DAY)
    last = seen["assigned"].where(reached).groupby(seen["person"]).transform("max").to_numpy()
    return known(np.maximum(at, seen["opened"].to_numpy()), reached & (seen["assigned"].to_numpy() == last))


def _campaign_file(world: World) -> SourceFile:
    campaigns = world.campaigns
    cells = pd.DataFrame(
        {
            "campaign_id": campaigns["campaign_id"],
            "name": csv_cells(campaigns["name"], ","),
            "channel": campaigns["medium"],
            "objective": csv_cells(campaigns["objective"], ","),
            "from": dates(calendar_dates(campaigns["start_day"]), "%Y-%m-%d"),
            "to": dates(calendar_dates(campaigns["end_day"]), "%Y-%m-%d"),
            "fixed_cost": money(campaigns["cost"]),
            "cost_per_contact": _cost(campaigns["cost_per_contact"]),
            "experiment": csv_cells(campaigns["experiment"], ","),
        },
        dtype=object,
    )
    return SourceFile(SYSTEM, "campaigns", "all", "csv", "campaign_id", cells)


def _cost(pence: pd.Series) -> Texts:
    """A contact costs parts of a penny."""
    return np.array([f"{value / 100:.4f}" for value in pence.tolist()], dtype=object)


def _contact_files(seen: pd.DataFrame) -> list[SourceFile]:
    by_id = seen["by_id"].to_numpy()
    by_phone = (seen["medium"] == "sms").to_numpy()
    cells = pd.DataFrame(
        {
            "id": json_cells(seen["contact_id"]),
            "campaign": json_cells(seen["campaign_id"]),
            "recipient.customer": json_cells(seen["account_id"].where(by_id, "")),
            "recipient.email": json_cells(seen["email"].where(~by_id & ~by_phone, "")),
            "recipient.phone": json_cells(seen["phone"].where(~by_id & by_phone, "")),
            "variant": json_cells(seen["variant"]),
            "coupon": json_cells(seen["coupon"].where(seen["variant"] == "treatment", "")),
            **{f"{moment}_at": json_iso(seen[moment].to_numpy()) for moment in MOMENTS},
        },
        dtype=object,
    )
    return by_moment(cells, seen["assigned"].to_numpy(), (SYSTEM, "contacts", "jsonl"), "id")
