"""Campaigns with a known effect: whom they reach, who is held out at random, which orders exist only through them."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import DAYS, FIRST_DAY

REACH = 0.9
EFFECT_DAYS = 21
# Of a broken experiment, this share of the people meant to be held out is contacted all the same.
LEAK = 0.6
# Id, name, medium, objective, first day, planned share of control, extra orders per person of average responsiveness.
_CAMPAIGNS = (
    ("C2401", "Cosy kitchen", "email", "cross-sell", "2024-01-29", 0.30, 0.10),
    ("C2402", "Spring garden", "email", "seasonal", "2024-04-15", 0.50, 0.20),
    ("C2403", "Summer preview", "post", "loyalty", "2024-06-24", 0.25, 0.06),
    ("C2404", "We miss you", "email", "win-back", "2024-10-07", 0.20, 0.03),
    ("C2501", "New year tea", "email", "cross-sell", "2025-01-20", 0.00, 0.12),
    ("C2502", "Mother's day", "sms", "seasonal", "2025-03-17", 0.30, 0.15),
    ("C2503", "Harbour picnic", "email", "loyalty", "2025-06-09", 0.40, 0.00),
    ("C2504", "Back home", "email", "win-back", "2025-09-15", 0.30, 0.10),
    ("C2601", "Winter warmers", "email", "seasonal", "2026-01-26", 0.40, 0.30),
    ("C2602", "Easter table", "email", "cross-sell", "2026-03-23", 0.30, 0.16),
    ("C2603", "Picnic season", "email", "seasonal", "2026-06-08", 0.30, 0.18),
)
_BROKEN = "C2504"
_CONSENT = {"email": "consent_email", "sms": "consent_phone", "post": "consent_post"}
# Pence per contact, and pence once for a campaign of a company of `_USUAL_PEOPLE`: more people are more segments, more
# versions and more pictures, though not in proportion.
_COST_PER_CONTACT = {"email": 1, "sms": 5, "post": 68}
_COST = {"email": 9_000, "sms": 6_000, "post": 24_000}
_USUAL_PEOPLE, _COST_GROWS = 2_000, 0.7


def make_campaigns(people: int = _USUAL_PEOPLE) -> pd.DataFrame:
    """Return the campaigns of a company of so many people, the columns that `World` documents and strength.

    The strength is the mean number of extra orders of a contacted person of average responsiveness.
    """
    names = ["campaign_id", "name", "medium", "objective", "start", "control_share", "strength"]
    table = pd.DataFrame(_CAMPAIGNS, columns=names)
    start = (np.array(table.pop("start"), dtype="datetime64[D]") - FIRST_DAY).astype(np.int64)
    table.insert(0, "campaign", np.arange(len(table)))
    table["start_day"], table["end_day"] = start, start + EFFECT_DAYS
    table["experiment"] = ("holdout-" + table["campaign_id"].str.lower()).where(table["control_share"] > 0, "")
    grown = (people / _USUAL_PEOPLE) ** _COST_GROWS
    table["cost"] = (table["medium"].map(_COST) * grown / 100).round().astype(np.int64) * 100
    table["cost_per_contact"] = table["medium"].map(_COST_PER_CONTACT)
    table["coupon"] = table["name"].str.split().str[0].str.upper() + "15"
    table["is_broken"] = table["campaign_id"] == _BROKEN
    return table


def draw_contacts(
    people: pd.DataFrame, campaigns: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw who is contacted and who held out, and what that brings.

    Returns:
        The contacts that `World` documents, in time order, and the extra orders: person, day, campaign. Only people
        who have not left yet buy more.
    """
    each = [_reached(people, campaign, rng) for campaign in campaigns.to_dict("records")]
    contacts = pd.concat(each, ignore_index=True)
    person = contacts["person"].to_numpy()
    strength = campaigns["strength"].to_numpy()[contacts["campaign"]]
    mean = strength * people["responsiveness"].to_numpy()[person] * (contacts["variant"] == "treatment")
    wanted = rng.poisson(mean)
    contact = np.repeat(np.arange(len(contacts)), wanted)
    day = contacts["day"].to_numpy()[contact] + rng.integers(0, EFFECT_DAYS, len(contact))
    left = people["left_day"].to_numpy()[person[contact]]
    happens = (day < DAYS - 1) & ((left < 0) | (day < left))
    contact, day = contact[happens], day[happens]
    contacts["extra_orders"] = np.bincount(contact, minlength=len(contacts))
    extra = pd.DataFrame({"person": person[contact], "day": day, "campaign": contacts["campaign"].to_numpy()[contact]})
    return contacts.sort_values(["day", "minute", "person"], kind="stable", ignore_index=True), extra


def _reached(people: pd.DataFrame, campaign: Mapping[Hashable, Any], rng: np.random.Generator) -> pd.DataFrame:
    start = campaign["start_day"]
    agreed = people[_CONSENT[campaign["medium"]]].to_numpy(copy=True)
    if campaign["medium"] == "email":
        agreed |= people["consent_changed_day"].to_numpy() > start + 1
    known = people["first_day"].to_numpy() < start - 1
    chosen = np.flatnonzero(agreed & known & (rng.random(len(people)) < REACH))
    held_out = rng.random(len(chosen)) < campaign["control_share"]
    if campaign["is_broken"]:
        held_out &= rng.random(len(chosen)) >= LEAK
    return pd.DataFrame(
        {
            "campaign": campaign["campaign"],
            "person": chosen,
            "day": start + rng.integers(0, 2, len(chosen)),
            "minute": rng.integers(9 * 60, 12 * 60, len(chosen)),
            "variant": np.where(held_out, "control", "treatment").astype(object),
        }
    )


def effects(campaigns: pd.DataFrame, contacts: pd.DataFrame, margin: NDArray[np.int64]) -> pd.DataFrame:
    """Sum up what each campaign truly did.

    Args:
        campaigns: the company's campaigns.
        contacts: whom they reached.
        margin: for each campaign, the margin in pence of the orders that exist only through it, returns netted.

    Returns:
        One row per campaign: campaign_id, control_share (planned), treated, control (people), extra_orders and
        extra_margin (pence) of all treated people together, is_broken.
    """
    treated = contacts["variant"] == "treatment"
    by_campaign = contacts["campaign"].to_numpy()
    table = campaigns[["campaign_id", "control_share"]].copy()
    table["treated"] = np.bincount(by_campaign[treated], minlength=len(campaigns))
    table["control"] = np.bincount(by_campaign[~treated], minlength=len(campaigns))
    weights = contacts["extra_orders"].to_numpy()
    table["extra_orders"] = np.bincount(by_campaign, weights=weights, minlength=len(campaigns)).astype(np.int64)
    table["extra_margin"] = margin
    table["is_broken"] = campaigns["is_broken"]
    return table
