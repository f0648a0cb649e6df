"""What somebody who knows the invented company's rules could say about churn: the bound that no model beats.

The oracle knows each person's rate, chance of leaving after an order and sensitivity to promotions, and the calendar,
but not what was drawn: neither future orders nor, unless asked, who has already left. It leaves aside campaigns, the
programme and bad service, and that a few orders cannot be told to be a person's.
"""

import duckdb
import numpy as np
import pandas as pd

from crm_pipeline.sample.calendar import DAYS, FIRST_DAY, PROMOTIONS, day_weights
from crm_pipeline.sample.visits import PROMOTION_PULL

RECOGNISED = 0.97
"""Share of the orders that are not cancelled and that show whose they are."""


def people_by_key(person_map: pd.DataFrame, records: pd.DataFrame) -> pd.Series:
    """Return the person of each customer_key: the one with most of its records.

    Args:
        person_map: record_id and customer_key, as identity left them.
        records: `truth/records.csv`.
    """
    named = records.assign(record_id=records["system"] + "|" + records["kind"] + "|" + records["source_id"])
    joined = person_map.merge(named, on="record_id")
    return joined.groupby("customer_key")["person"].agg(lambda persons: persons.value_counts().index[0])


def asked(warehouse: duckdb.DuckDBPyConnection, origin: str, horizon: int) -> pd.DataFrame:
    """Return who ordered in the year up to `origin`: customer_key, last_order_on, recency_days, churned; by key."""
    return warehouse.sql(
        "select people.customer_key, last_order_on, recency_days, "
        "not exists (from customer.fct_orders as orders where orders.customer_key = people.customer_key and is_counted "
        "and ordered_on > $origin::date and ordered_on <= $origin::date + $horizon::int)::int as churned "
        "from features.customer_features as people where as_of_date = $origin::date and recency_days < 365 order by 1",
        params={"origin": origin, "horizon": horizon},
    ).df()


def probabilities(
    truth: pd.DataFrame, last_order_on: pd.Series, origin: str, horizon: int, knows_who_left: bool
) -> np.ndarray:
    """Return the probability of no order in the horizon after `origin`.

    While alive a person orders at their rate on a clock of busy days, more in promotions; after each order they leave
    with their own chance p. Who stayed silent for s expected orders is alive with
    probability (1 - p) e^-s / (p + (1 - p) e^-s).

    Args:
        truth: rows of `truth/people.csv`, one per row of `last_order_on`.
        last_order_on: the last order known at the origin.
        origin: as-of date.
        horizon: days after it.
        knows_who_left: whether leaving is seen at once.
    """
    start, end = _day(np.datetime64(origin)) + 1, min(int(_day(np.datetime64(origin))) + 1 + horizon, DAYS)
    none_to_come = np.exp(-_expected(truth, np.full(len(truth), start), np.full(len(truth), end)))
    if knows_who_left:
        left = pd.to_datetime(truth["left_on"]).to_numpy() <= np.datetime64(origin)
        return np.where(left, 1.0, none_to_come)
    silent = np.exp(-_expected(truth, _day(last_order_on.to_numpy()) + 1, np.full(len(truth), start)))
    leaves = truth["dropout_probability"].to_numpy()
    alive = (1 - leaves) * silent / (leaves + (1 - leaves) * silent)
    return 1 - alive + alive * none_to_come


def _expected(truth: pd.DataFrame, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    busy = np.concatenate([[0.0], np.cumsum(day_weights())])
    cheap = np.zeros(DAYS + 1)
    for first, days in PROMOTIONS:
        cheap[first + 1 : first + days + 1] = PROMOTION_PULL
    cheap = np.cumsum(cheap)
    rate, sensitivity = truth["purchase_rate"].to_numpy(), truth["price_sensitivity"].to_numpy()
    return RECOGNISED * rate * (busy[end] - busy[start] + sensitivity * (cheap[end] - cheap[start]))


def _day(days: np.ndarray | np.datetime64) -> np.ndarray:
    return (np.asarray(days, dtype="datetime64[D]") - FIRST_DAY).astype(int)
