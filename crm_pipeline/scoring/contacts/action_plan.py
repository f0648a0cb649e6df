"""Choosing whom to contact over which channel: at most one option per person, within a budget."""

import numpy as np
import numpy.typing as npt

from crm_pipeline.scoring.model import Floats

Chosen = npt.NDArray[np.bool_]
_HALVINGS = 50
_POINTS = 20
_CENT = 1e-6  # sums of costs are floats: less than this is no overspending


def choose(keys: npt.NDArray[np.int64], values: Floats, costs: Floats, budget: float | None = None) -> Chosen:
    """Return which options to take so that their values add up to the most that the budget allows.

    The options of a person compete, and doing nothing is always one more, worth 0. A price on each unit of cost is
    raised until what everybody then likes best is within the budget (Lagrangian relaxation; for one option per person
    this is the greedy choice by value per cost). That solves the problem in which a fraction of one option may be
    taken; the plan falls short of the best whole one by less than the value of a single option.

    Args:
        keys: the person of each option, in ascending order.
        values: what an option brings, its cost already taken off.
        costs: what an option costs, at least 0.
        budget: most that all options taken may cost; None for no limit.

    Returns:
        One flag per option. Of equally good options of a person the first is taken.
    """
    best = _liked(keys, values)
    if budget is None or costs[best].sum() <= budget + _CENT:
        return best
    price = costs > 0
    low, high = 0.0, float((values[price] / costs[price]).max()) + 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if costs[_liked(keys, values - middle * costs)].sum() <= budget + _CENT:
            high = middle
        else:
            low = middle
    within, beyond = _liked(keys, values - high * costs), _liked(keys, values - low * costs)
    return _fill(keys, values, costs, within, beyond, budget)


def frontier(keys: npt.NDArray[np.int64], values: Floats, costs: Floats) -> list[tuple[float, float]]:
    """Return (cost, value) of best plans from doing what is free to doing all that pays, in order of cost.

    Each is what everybody likes best at one price of cost (see `choose`); no budget of that size can bring more.
    """
    paying = (costs > 0) & (values > 0)
    prices = [0.0]
    if paying.any():
        prices += np.quantile(values[paying] / costs[paying], np.linspace(0, 1, _POINTS + 1)).tolist()
    plans = [_liked(keys, values - price * costs) for price in prices]
    return sorted((float(costs[plan].sum()), float(values[plan].sum())) for plan in plans)


def _liked(keys: npt.NDArray[np.int64], worth: Floats) -> Chosen:
    """Return for each person the first option of the highest worth, where that is above 0."""
    if not len(keys):
        return np.zeros(0, dtype=bool)
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    sizes = np.diff(starts, append=len(keys))
    top = np.repeat(np.maximum.reduceat(worth, starts), sizes)
    places = np.flatnonzero((worth == top) & (worth > 0))
    chosen = np.zeros(len(keys), dtype=bool)
    chosen[places[np.flatnonzero(np.diff(keys[places], prepend=keys[0] - 1))]] = True
    return chosen


def _fill(
    keys: npt.NDArray[np.int64], values: Floats, costs: Floats, within: Chosen, beyond: Chosen, budget: float
) -> Chosen:
    """Return the plan within the budget, with steps of people towards the plan beyond it while money is left."""
    changing = np.unique(keys[within != beyond])

    def of_people(plan: Chosen, what: Floats) -> Floats:
        found = plan & np.isin(keys, changing)
        sums = np.bincount(np.searchsorted(changing, keys[found]), what[found], minlength=len(changing))
        return sums.astype(np.float64)

    dearer = of_people(beyond, costs) - of_people(within, costs)
    better = of_people(beyond, values) - of_people(within, values)
    order = np.lexsort((changing, -better / np.maximum(dearer, 1e-12)))
    left = budget + _CENT - costs[within].sum()
    stepping = changing[order[np.cumsum(dearer[order]) <= left]]
    return np.where(np.isin(keys, stepping), beyond, within)
