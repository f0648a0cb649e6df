"""Orders that a system delivers a second time, corrected (cancelled after all, a wrong quantity), or a period late."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample.calendar import FULL_DAYS, PERIODS, period_of

CORRECTED_SHARE = 0.001
FEWEST = 6
LAST_MONTH_DAYS = 30
LATE_SHARE = 0.002


def correct(orders: pd.DataFrame, lines: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return corrected versions of a few completed orders of the last month, complete with their lines.

    Every second one is cancelled; of the others the first line turns out to have one unit less, or one more where
    there was only one, at the list price, untaxed, so that the order's other amounts stay as they were.
    """
    recent = orders["day"].between(FULL_DAYS - LAST_MONTH_DAYS, FULL_DAYS - 1)
    plain = (orders["status"] == "completed") & (orders["refunded"] == 0) & ~orders["order"].isin(orders["original"])
    free = orders[plain & recent]
    count = min(len(free), max(FEWEST, int(len(orders) * CORRECTED_SHARE)))
    fixed = free.iloc[np.sort(rng.choice(len(free), count, replace=False))].reset_index(drop=True)
    fixed_lines = lines[lines["order"].isin(fixed["order"])].reset_index(drop=True)
    cancelled = np.arange(count) % 2 == 0
    fixed["status"] = np.where(cancelled, "cancelled", fixed["status"])
    recounted = fixed_lines["order"].isin(fixed["order"][~cancelled]) & (fixed_lines["line_number"] == 1)
    step = np.where(fixed_lines["quantity"] > 1, -1, 1) * recounted
    fixed_lines["quantity"] += step
    fixed_lines["net"] += step * fixed_lines["price"]
    difference = (step * fixed_lines["price"]).groupby(fixed_lines["order"]).sum().reindex(fixed["order"]).to_numpy()
    fixed["net"] += difference
    fixed["total"] += difference
    return fixed, fixed_lines


def late(orders: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose a few orders of the last month of a period that are delivered with the next one, about a month late."""
    day = orders["day"].to_numpy()
    period = period_of(day)
    at_end = (period_of(day + LAST_MONTH_DAYS) > period) & (period < len(PERIODS) - 1)
    chosen = np.zeros(len(orders), dtype=bool)
    rows = np.flatnonzero(at_end)
    count = min(len(rows), 2 + int(len(rows) * LATE_SHARE))
    chosen[rng.choice(rows, count, replace=False)] = True
    return chosen
