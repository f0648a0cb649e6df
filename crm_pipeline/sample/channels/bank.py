"""The bank's daily rates: what a euro and a dollar were worth in pounds, one CSV file per delivery."""

import numpy as np
import pandas as pd

from crm_pipeline.sample.calendar import DAYS
from crm_pipeline.sample.channels.moments import DAY
from crm_pipeline.sample.channels.rows import by_moment
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.rates import CURRENCIES, rate
from crm_pipeline.sample.tables import SourceFile, calendar_dates, dates
from crm_pipeline.sample.world import World

SYSTEM = "bank"
FAULTS = {
    "rates": [
        Fault("text_in_amount", "rate", "gbp", "n/a"),
        Fault("unknown_code", "currency", "currency", "Euro"),
        Fault("bad_date", "rate_date", "date", "30 Feb"),
    ]
}


def files(world: World, _rng: np.random.Generator) -> list[SourceFile]:
    """Write the rates of every day; the first part of the company does it for all."""
    if world.part:
        return []
    day = np.repeat(np.arange(DAYS), len(CURRENCIES))
    worth = np.column_stack([rate(currency, np.arange(DAYS)) for currency in CURRENCIES]).ravel()
    cells = pd.DataFrame(
        {
            "date": dates(calendar_dates(day), "%Y-%m-%d"),
            "currency": np.tile(np.array(CURRENCIES, dtype=object), DAYS),
            "gbp": [f"{value:.6f}" for value in worth.tolist()],
        },
        dtype=object,
    )
    return by_moment(cells, day * DAY, (SYSTEM, "rates", "csv"), "date")
