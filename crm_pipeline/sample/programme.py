"""A programme that some stores have from a month on: a tea room, which brings their visitors more often."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import DAYS, FIRST_DAY, day_weights

NAME = "tea room"
STORES = ("S03", "S05", "S07")
STARTS = np.datetime64("2025-07-01", "D")
#: Orders in these stores that the programme adds, as a share of what there would be without it.
LIFT = 0.4


def programme_orders(people: pd.DataFrame, left: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
    """Draw the store orders that exist only through the programme: person, day, campaign (-1)."""
    start = int((STARTS - FIRST_DAY).astype(int))
    here = people["in_till"].to_numpy() & people["store"].isin(STORES).to_numpy()
    # Rates run on the calendar's busy days, in the stores with their part of them.
    busy = day_weights()[start:]
    rate = people["purchase_rate"].to_numpy() * (1 - people["web_share"].to_numpy()) * LIFT * here
    wanted = rng.poisson(rate * busy.sum())
    person = np.repeat(np.arange(len(people)), wanted)
    day = start + rng.choice(DAYS - start, len(person), p=busy / busy.sum())
    happens = (day > people["first_day"].to_numpy()[person]) & (day < left[person]) & (day < DAYS - 1)
    return pd.DataFrame({"person": person[happens], "day": day[happens], "campaign": -1})
