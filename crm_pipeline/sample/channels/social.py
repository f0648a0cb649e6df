"""Social listening: what people post about the company, as JSON lines; customers with a handle, and strangers.

Posts carry ISO times; reviews come from another interface that counts seconds since 1970 (UTC).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import FULL_DAYS
from crm_pipeline.sample.channels import wording
from crm_pipeline.sample.channels.moments import DAY, END, HOUR, Ints, epoch, iso, json_iso, known
from crm_pipeline.sample.channels.rows import by_moment, ids
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.names import SOCIAL_PLATFORMS
from crm_pipeline.sample.tables import NULL, SourceFile, json_cells, numbers
from crm_pipeline.sample.world import World

SYSTEM = "social"
POSTS_PER_DAY = 1 / 140
STRANGERS = 0.5
REVIEWS = 0.3
FAULTS = {
    "mentions": [
        Fault("missing_id", "mention_id", "id", NULL),
        Fault("bad_date", "posted_at", "posted", '"soon"'),
        Fault("negative_amount", "reach", "reach", "-40"),
        Fault("unknown_code", "kind", "kind", '"story"'),
    ]
}


def files(world: World, rng: np.random.Generator) -> list[SourceFile]:
    """Write posts and reviews by period."""
    seen = pd.concat([_by_customers(world, rng), _by_strangers(world, rng)])
    seen = seen[seen["posted"].between(0, END)].sort_values("posted", kind="stable", ignore_index=True)
    count = len(seen)
    review = rng.random(count) < REVIEWS
    posted = seen["posted"].to_numpy()
    stars = np.clip(np.round(1 + 4 * seen["mood"]), 1, 5).astype(np.int64)
    reach = np.round(rng.lognormal(4.2, 1.3, count)).astype(np.int64)
    heard = rng.random(count) < np.where(seen["mood"] > 0.5, 0.1, 0.5)
    replied = known(posted + rng.integers(HOUR, 3 * DAY, count), heard)
    kind = np.where(review, "review", rng.choice(["post", "comment", "message"], count, p=[0.6, 0.35, 0.05]))
    cells = pd.DataFrame(
        {
            "id": json_cells(pd.Series(ids("P", world, count))),
            "network": json_cells(seen["platform"]),
            "author": json_cells(seen["handle"]),
            "kind": json_cells(pd.Series(kind.astype(object))),
            "posted": np.where(review, numbers(epoch(posted)), json_iso(posted)),
            "text": json_cells(pd.Series(wording.posts(seen["language"], seen["mood"].to_numpy(), rng))),
            "stars": np.where(review, numbers(stars), NULL),
            "reach": numbers(reach),
            "answered": json_cells(pd.Series(iso(replied))),
        },
        dtype=object,
    )
    return by_moment(cells, posted, (SYSTEM, "mentions", "jsonl"), "id")


def _by_customers(world: World, rng: np.random.Generator) -> pd.DataFrame:
    people = world.people[world.people["social_handle"] != ""]
    begin = people["first_day"].to_numpy()
    end = np.where(people["left_day"] >= 0, people["left_day"] + 14, FULL_DAYS)
    number = rng.poisson(np.maximum(end - begin, 0) * POSTS_PER_DAY * people["engagement"].to_numpy())
    row = np.repeat(np.arange(len(people)), number)
    who = people.iloc[row]
    named = who["social_handle"].str.partition(":")
    return pd.DataFrame(
        {
            "posted": _at(rng.uniform(begin[row], np.maximum(end, begin)[row])),
            "platform": named[0].to_numpy(dtype=object),
            "handle": named[2].to_numpy(dtype=object),
            "language": who["language"].to_numpy(dtype=object),
            "mood": np.clip(who["satisfaction"].to_numpy() + rng.normal(0, 0.15, len(who)), 0, 1),
        }
    )


def _by_strangers(world: World, rng: np.random.Generator) -> pd.DataFrame:
    count = int(len(world.people) * STRANGERS * POSTS_PER_DAY * 60)
    names = "guest_" + numbers(rng.integers(10_000, 99_999, count))
    return pd.DataFrame(
        {
            "posted": _at(rng.uniform(0, FULL_DAYS, count)),
            "platform": rng.choice(np.array(SOCIAL_PLATFORMS, dtype=object), count),
            "handle": names,
            "language": rng.choice(np.array(["en", "zh", "pt"], dtype=object), count, p=[0.78, 0.12, 0.1]),
            "mood": rng.beta(2, 2, count),
        }
    )


def _at(day: NDArray[np.float64]) -> Ints:
    """Return moments in the waking part of each day."""
    whole = np.floor(day)
    return (whole * DAY + 7 * HOUR + (day - whole) * 16 * HOUR).astype(np.int64)
