"""The pictures of the lifetime value card."""

from collections.abc import Mapping, Sequence

import numpy as np

from crm_pipeline.scoring.model import Floats
from crm_pipeline.show import plots

_FIFTHS = ("lowest", "second", "third", "fourth", "highest")


def by_tenth(predicted: Floats, actual: Floats) -> str:
    """Return mean predicted and actual margin of ten groups of equal size by prediction."""
    tenths = [group for group in np.array_split(np.argsort(predicted, kind="stable"), 10) if len(group)]
    series = {
        name: [float(values[tenth].mean()) for tenth in tenths]
        for name, values in (("predicted", predicted), ("actual", actual))
    }
    names = [str(number + 1) for number in range(len(tenths))]
    return plots.bars("Mean margin by tenth of predicted margin (10 = highest)", names, series)


def coverage(by_origin: Mapping[str, Sequence[float]]) -> str:
    """Return the share of people inside their interval by fifth of predicted margin, at each origin."""
    title = "Share of people inside their 80 % interval, by fifth of predicted margin"
    return plots.bars(title, _FIFTHS, {origin: list(values) for origin, values in by_origin.items()})


def alive(p_alive: Floats) -> str:
    """Return how many people are still there with which probability."""
    return plots.histogram("Who is still a customer", "probability alive at the newest origin", p_alive, bins=20)
