"""Which ranking of people by the effect of a contact is believed, and whether any is.

Several methods looked at on the same contacts always yield one that seems to rank them, also where a contact brings
everybody the same. So no contact judges what it has chosen: people are parted into two halves, each half is ranked by
the method that the other half chose, and the mean over both has to lie above nothing by more than chance would explain
of as many methods (Bonferroni).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from crm_pipeline.scoring.contacts import qini
from crm_pipeline.scoring.model import Floats, Round

RISK = 0.05
"""Chance to believe in some ranking where there is none."""


@dataclass(frozen=True, kw_only=True)
class UpliftRound(Round):
    """A round with the person of each contact; no contact is in two rounds."""

    keys: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """The chosen method, and its Qini coefficient on contacts of people who had no say in the choice.

    `lowest` is what that is at least, with the chance `RISK` to be wrong; `ahead` is how far it is ahead of recency.
    """

    method: str
    qini: float
    lowest: float
    ahead: float

    @property
    def holds(self) -> bool:
        """Whether the ranking is better than none, and than recency's."""
        return self.lowest > 0 and self.ahead > 0


def evidence(rounds: Sequence[UpliftRound], methods: Sequence[str], recency: str) -> Evidence:
    """Choose a method, simplest first, and say what speaks for it."""
    parts = {
        name: np.concatenate([qini.parts(one.actual, one.predictions[name]) for one in rounds])
        for name in (*methods, recency)
    }
    half = half_of(np.concatenate([one.keys for one in rounds]))
    own, ahead = np.empty(len(half)), np.empty(len(half))
    for judged in (half, ~half):
        chosen = _chosen(parts, methods, ~judged)
        own[judged] = parts[chosen][judged]
        ahead[judged] = (parts[chosen] - parts[recency])[judged]
    sure = norm.ppf(1 - RISK / len(methods))
    lowest = float(own.mean() - sure * own.std() / np.sqrt(len(own)))
    return Evidence(_chosen(parts, methods, np.full(len(half), True)), float(own.mean()), lowest, float(ahead.mean()))


def _chosen(parts: dict[str, Floats], methods: Sequence[str], on: npt.NDArray[np.bool_]) -> str:
    """Return the method with the best coefficient on some contacts; of equally good ones the simpler."""
    return max(methods, key=lambda name: round(float(parts[name][on].sum()), 6))


def half_of(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which half each person is in, whatever rule their keys follow."""
    mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(63)) == 1)
