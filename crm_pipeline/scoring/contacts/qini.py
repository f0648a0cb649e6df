"""How well a prediction ranks people by what a contact brings, measured on held-out contacts.

All functions take `effects`, one value per contact whose mean over any group is that group's mean effect
(`uplift_learners.pseudo_effects`), and `predicted`, what a model expects; people of equal prediction share a rank.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from crm_pipeline.scoring.model import Floats

TOP_SHARE = 0.3


def curve(effects: Floats, predicted: Floats, shares: Sequence[float] | Floats) -> Floats:
    """Return the mean effect per person of all when only this share of them, the highest ranked, is contacted.

    The Qini curve (N. Radcliffe, Using control groups to target on predicted lift, 2007), as gain per person.
    """
    _, group = np.unique(-predicted, return_inverse=True)
    reached = np.concatenate([[0.0], np.cumsum(np.bincount(group))]) / len(effects)
    gained = np.concatenate([[0.0], np.cumsum(np.bincount(group, effects))]) / len(effects)
    return np.interp(shares, reached, gained)


def coefficient(effects: Floats, predicted: Floats) -> tuple[float, float]:
    """Return the Qini coefficient and its standard error, in units of the effect per person.

    The coefficient is the area between the Qini curve and the straight line of contacting people in random order.
    """
    each = parts(effects, predicted)
    return float(each.mean()), float(each.std() / np.sqrt(len(each)))


def parts(effects: Floats, predicted: Floats) -> Floats:
    """Return what each contact adds to the Qini coefficient: effect times (1/2 - rank share).

    By parts the area is their mean, and so it has the standard error of a mean.
    """
    return effects * (0.5 - (rankdata(-predicted) - 0.5) / len(predicted))


def measures(effects: Floats, predicted: Floats) -> dict[str, float]:
    """Return what is known of a ranking: Qini with its error, uplift of the top 30 %, error of the mean effect.

    `gain_where_positive` is the effect per person of all when those are contacted of whom a gain is expected: the
    inverse-propensity estimate of that rule's worth beside contacting nobody.
    """
    value, error = coefficient(effects, predicted)
    return {
        "qini": value,
        "qini_error": error,
        "uplift_at_30": float(curve(effects, predicted, [TOP_SHARE])[0]) / TOP_SHARE,
        "mean_effect_error": float(predicted.mean() - effects.mean()),
        "gain_where_positive": float((effects * (predicted > 0)).mean()),
    }


def by_group(effects: Floats, predicted: Floats, groups: int = 10) -> list[tuple[float, float]]:
    """Return (mean prediction, mean effect) of groups of equal size, the highest predicted first."""
    parts = np.array_split(np.argsort(-predicted, kind="stable"), groups)
    return [(float(predicted[part].mean()), float(effects[part].mean())) for part in parts if len(part)]
