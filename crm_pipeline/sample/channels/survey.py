"""The survey tool: two CSV exports with American dates, one on orders (NPS) and one on tickets (CSAT and CES).

A mailed questionnaire asks on the usual scale; the tablets in the stores have five faces for the same question.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.channels import wording
from crm_pipeline.sample.channels.desk import tickets
from crm_pipeline.sample.channels.moments import DAY, HOUR, MINUTE, MISSING, Ints, known, local_us, seconds, waking
from crm_pipeline.sample.channels.rows import account_ids, by_moment, ids, named_by_contact, shared_random
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.tables import SourceFile, csv_cells, numbers
from crm_pipeline.sample.world import World

SYSTEM = "survey"
# Answers on orders carry the shop's ids, answers on tickets the help desk's.
ORDER_NAMESPACE, TICKET_NAMESPACE = "shop", "desk"
ANSWERED_ONLINE, ANSWERED_STORE, ANSWERED_TICKET = 0.09, 0.03, 0.3
COMMENTED = 0.45
BAD_MEMORY_DAYS = 60
# Question: highest and lowest answer.
SCALES = {"NPS": (0, 10), "NPS faces": (1, 5), "CSAT": (1, 5), "CES": (1, 7)}
_SHARED_FAULTS = [
    Fault("bad_date", "answered_at", "answered", "13/31/2025 09:15 AM"),
    Fault("missing_id", "response_id", "response", ""),
]
FAULTS = {
    "order_answers": [*_SHARED_FAULTS, Fault("text_in_amount", "score", "score", "ten")],
    "ticket_answers": [*_SHARED_FAULTS, Fault("unknown_code", "kind", "question", "CXI")],
}


def files(world: World, rng: np.random.Generator) -> list[SourceFile]:
    """Write the answers by period."""
    orders, cases = order_answers(world), ticket_answers(world)
    return [
        *_files(orders, {"customer": orders["account_id"], "order": orders["order_id"]}, "order_answers", rng),
        *_files(cases, {"ticket": cases["ticket_id"], "phone": cases["phone"]}, "ticket_answers", rng),
    ]


def records(world: World) -> pd.DataFrame:
    """Return the truth on who answered and is named by an e-mail or phone alone."""
    named = []
    for system, seen in ((ORDER_NAMESPACE, order_answers(world)), (TICKET_NAMESPACE, ticket_answers(world))):
        contact = (seen["email"] + seen["phone"]).to_numpy(dtype=object)
        named.append(named_by_contact(system, seen, "response_id", contact, contact != ""))
    return pd.concat(named, ignore_index=True)


def order_answers(world: World) -> pd.DataFrame:
    """Return the answers on orders.

    Returns:
        One row per answer: response_id, person, question (key of SCALES), score, feeling (0-1), language, answered
        (moment), account_id and order_id (empty for none), email and phone (empty where not the name of the person).
    """
    rng = shared_random(world, "order answers")
    orders = world.purchases.orders
    online = (orders["sales_channel"] != "till").to_numpy()
    known_at_till = ~online & (orders["record"] >= 0).to_numpy()
    share = np.where(online, ANSWERED_ONLINE, np.where(known_at_till, ANSWERED_STORE, 0.0))
    asked = (orders["status"] == "completed").to_numpy() & (rng.random(len(orders)) < share)
    seen = orders.loc[asked, ["person", "day", "minute", "record", "order_id"]].reset_index(drop=True)
    online = online[asked]
    later = rng.integers(3 * DAY, 9 * DAY, len(seen))
    placed = seconds(seen["day"], seen["minute"])
    # The tablet stands at the exit; the questionnaire comes by mail some days after.
    seen["answered"] = known(np.where(online, waking(placed + later), placed + 2 * MINUTE))
    account = np.where(online, seen["record"], -1)
    seen["account_id"] = account_ids(world, account)
    seen["order_id"] = np.where(online, seen["order_id"], "").astype(object)
    person = world.people.iloc[world.rows(seen["person"])].reset_index(drop=True)
    # A person named by an id is not named again.
    seen["email"] = np.where(account >= 0, "", person["email"]).astype(object)
    seen["phone"] = ""
    seen["question"] = np.where(online, "NPS", "NPS faces").astype(object)
    mood = person["satisfaction"].to_numpy() - 0.28 * _bad_lately(world, seen["person"].to_numpy(), seen["answered"])
    return _scored(seen, world, "Q", mood, person["language"], rng)


def ticket_answers(world: World) -> pd.DataFrame:
    """Return the answers on tickets, with the columns of those on orders, and ticket_id."""
    rng = shared_random(world, "ticket answers")
    cases = tickets(world)
    asked = (cases["resolved"] != MISSING).to_numpy() & (rng.random(len(cases)) < ANSWERED_TICKET)
    seen = cases.loc[asked, ["person", "ticket_id", "resolved", "is_bad", "email", "phone"]].reset_index(drop=True)
    seen["answered"] = known(waking(seen["resolved"].to_numpy() + rng.integers(2 * HOUR, 4 * DAY, len(seen))))
    seen["question"] = np.where(rng.random(len(seen)) < 0.65, "CSAT", "CES").astype(object)
    person = world.people.iloc[world.rows(seen["person"])].reset_index(drop=True)
    mood = 0.25 + 0.75 * person["satisfaction"].to_numpy() - 0.45 * seen["is_bad"].to_numpy()
    return _scored(seen, world, "A", mood, person["language"], rng)


def _bad_lately(world: World, person: Ints, answered: pd.Series) -> NDArray[np.bool_]:
    """Tell who was served badly in the weeks before they answered."""
    cases = world.service
    bad = cases[cases["is_bad"]]
    span = 1 << 20
    spoilt = np.sort(bad["person"].to_numpy() * span + bad["day"].to_numpy())
    until = person * span + np.maximum(answered.to_numpy() // DAY, 0)
    here = np.searchsorted(spoilt, until, side="right") - np.searchsorted(spoilt, until - BAD_MEMORY_DAYS, side="left")
    return here > 0


def _scored(
    seen: pd.DataFrame,
    world: World,
    prefix: str,
    mood: NDArray[np.float64],
    language: pd.Series,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Add the score that a mood between 0 and 1 gives on the question's scale, number the answers, drop later ones."""
    scale = np.array([SCALES[name] for name in seen["question"].tolist()]).reshape(-1, 2)
    felt = np.clip(mood + rng.normal(0, 0.13, len(seen)) + 0.08, 0, 1)
    seen["score"] = np.round(scale[:, 0] + felt * (scale[:, 1] - scale[:, 0])).astype(np.int64)
    seen["feeling"], seen["language"] = felt, language
    seen = seen[seen["answered"] != MISSING].sort_values("answered", kind="stable", ignore_index=True)
    seen["response_id"] = ids(prefix, world, len(seen))
    return seen


def _files(seen: pd.DataFrame, about: dict[str, pd.Series], source: str, rng: np.random.Generator) -> list[SourceFile]:
    written = rng.random(len(seen)) < COMMENTED
    comment = wording.comments(seen["language"], seen["feeling"].to_numpy(), rng)
    low, high = np.array([SCALES[name] for name in seen["question"].tolist()]).reshape(-1, 2).T
    cells = pd.DataFrame(
        {
            "response": seen["response_id"],
            **about,
            "email": seen["email"],
            "question": seen["question"].str.split(" ").str[0],
            "score": numbers(seen["score"]),
            "scale": numbers(low) + "-" + numbers(high),
            "answered": local_us(seen["answered"].to_numpy()),
            "comment": csv_cells(pd.Series(np.where(written, comment, "")), ","),
        },
        dtype=object,
    )
    return by_moment(cells, seen["answered"].to_numpy(), (SYSTEM, source, "csv"), "response")
