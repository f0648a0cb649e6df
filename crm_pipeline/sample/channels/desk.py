"""The help desk: tickets as JSON documents, one array per delivery; it knows people by e-mail or phone alone."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.channels import wording
from crm_pipeline.sample.channels.moments import DAY, HOUR, MINUTE, MISSING, json_iso, known, seconds
from crm_pipeline.sample.channels.rows import by_moment, ids, named_by_contact, shared_random
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.tables import NULL, SourceFile, json_cells, numbers
from crm_pipeline.sample.world import World

SYSTEM = "desk"
RATED = 0.4
SECOND_ADDRESS = 0.1
CLOSED_AFTER = 7 * DAY
FAULTS = {
    "tickets": [
        Fault("missing_id", "ticket_id", "id", NULL),
        Fault("bad_date", "opened_at", "created_at", '"2025-06-31T10:00:00+01:00"'),
        Fault("unknown_code", "priority", "priority", '"yesterday"'),
        Fault("out_of_range", "satisfaction", "rating.score", "11"),
    ]
}


def tickets(world: World) -> pd.DataFrame:
    """Return the tickets of the service cases.

    Returns:
        One row per case: the case's columns, ticket_id, email, phone (one of them empty), language, score (1-5, 0 for
        not rated), feeling (0-1, of what they write), and the moments opened, responded, resolved, reopened, rated.
    """
    rng = shared_random(world, SYSTEM)
    cases = world.service.reset_index(drop=True)
    people = world.people.iloc[world.rows(cases["person"])].reset_index(drop=True)
    count = len(cases)
    cases["ticket_id"] = ids("T", world, count)
    other = rng.random(count) < SECOND_ADDRESS
    by_phone = (cases["contact_channel"] == "phone").to_numpy()
    cases["email"] = np.where(by_phone, "", np.where(other, people["second_email"], people["email"])).astype(object)
    cases["phone"] = np.where(by_phone, people["phone"], "").astype(object)
    cases["language"] = people["language"]
    _draw_course(cases, people["satisfaction"].to_numpy(), rng)
    return cases


def _draw_course(cases: pd.DataFrame, satisfaction: NDArray[np.float64], rng: np.random.Generator) -> None:
    count = len(cases)
    opened = seconds(cases["day"], cases["minute"])
    resolved = opened + cases["resolution_minutes"].to_numpy() * MINUTE
    again = cases["is_reopened"].to_numpy()
    reopened = resolved + rng.integers(2, 60, count) * HOUR
    solved = np.where(again, reopened + rng.integers(4, 96, count) * HOUR, resolved)
    cases["opened"] = opened
    cases["responded"] = known(opened + cases["response_minutes"].to_numpy() * MINUTE)
    cases["reopened"] = known(reopened, again)
    # A ticket that is open again has no solution yet: its first one is forgotten.
    cases["resolved"] = known(np.where(cases["reopened"] == MISSING, resolved, solved))
    quality = 3.1 + 1.9 * satisfaction - 1.9 * cases["is_bad"] - 0.8 * again + rng.normal(0, 0.6, count)
    cases["feeling"] = np.clip((quality - 0.6) / 4, 0, 1)
    cases["rated"] = known(solved + rng.integers(1, 72, count) * HOUR, rng.random(count) < RATED)
    cases["score"] = np.where(cases["rated"] == MISSING, 0, np.clip(np.round(quality), 1, 5)).astype(np.int64)


def files(world: World, rng: np.random.Generator) -> list[SourceFile]:
    """Write the tickets by period of opening."""
    cases = tickets(world)
    bad = cases["is_bad"].to_numpy()
    subject, body = wording.tickets(cases["language"], cases["category"], cases["feeling"].to_numpy(), rng)
    resolved = cases["resolved"].to_numpy()
    closed = (resolved != MISSING) & (known(resolved + CLOSED_AFTER) != MISSING)
    answered = np.where(cases["responded"] == MISSING, "open", "pending")
    status = np.where(closed, "closed", np.where(resolved != MISSING, "solved", answered)).astype(object)
    urgency = rng.random(len(cases)) + 0.35 * bad
    cells = pd.DataFrame(
        {
            "id": json_cells(cases["ticket_id"]),
            "requester.email": json_cells(cases["email"]),
            "requester.phone": json_cells(cases["phone"]),
            "channel": json_cells(cases["contact_channel"]),
            "category": json_cells(cases["category"]),
            "priority": json_cells(pd.Series(_PRIORITY[np.searchsorted(_URGENCY, urgency, side="right")])),
            "status": json_cells(pd.Series(status)),
            "created_at": json_iso(cases["opened"].to_numpy()),
            "first_reply_at": json_iso(cases["responded"].to_numpy()),
            "solved_at": json_iso(resolved),
            "reopened_at": json_iso(cases["reopened"].to_numpy()),
            "reopens": numbers((cases["reopened"] != MISSING).astype(np.int64)),
            "rating.score": np.where(cases["score"] == 0, NULL, numbers(cases["score"])),
            "rating.at": json_iso(cases["rated"].to_numpy()),
            "subject": json_cells(pd.Series(subject)),
            "description": json_cells(pd.Series(body)),
        },
        dtype=object,
    )
    return by_moment(cells, cases["opened"].to_numpy(), (SYSTEM, "tickets", "json"), "id")


def records(world: World) -> pd.DataFrame:
    """Return the truth on who wrote or called."""
    cases = tickets(world)
    contact = (cases["email"] + cases["phone"]).to_numpy(dtype=object)
    everybody = np.ones(len(cases), dtype=bool)
    return named_by_contact(SYSTEM, cases, "ticket_id", contact, everybody)


_PRIORITY = np.array(["low", "normal", "high", "urgent"], dtype=object)
_URGENCY = (0.25, 0.85, 1.15)
