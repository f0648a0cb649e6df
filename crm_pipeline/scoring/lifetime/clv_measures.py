"""How far forecasts of margin were from what came: measures whose best forecast is the mean, and ranks beside them.

Absolute error is not among those that decide: where most people buy nothing its best forecast is nothing for everybody.
"""

import numpy as np
from scipy.stats import spearmanr

from crm_pipeline.scoring.model import Floats

SQUARED_ERROR, DEVIANCE = "root_mean_squared_error", "tweedie_deviance"
LEAST_SHARE = 0.01
"""Forecasts count as at least this share of the mean in the deviance, which is without bound at nothing."""


def margin_metrics(actual: Floats, predicted: Floats) -> dict[str, float]:
    """Return what decides, squared error and deviance, and what stands beside them.

    The error of the total is a share of it, where there is any. The normalised Gini coefficient is the area between
    gains curve and diagonal when people are ranked by forecast, as a share of that area when they are ranked by what
    came. `share_below_zero` is the share of people who gave back more than they bought.
    """
    total = float(np.abs(actual.sum()))
    constant = np.ptp(predicted) == 0 or np.ptp(actual) == 0
    metrics = {
        SQUARED_ERROR: float(np.sqrt(np.mean((predicted - actual) ** 2))),
        DEVIANCE: tweedie_deviance(actual, predicted),
        "mean_absolute_error": float(np.mean(np.abs(predicted - actual))),
        "spearman": 0.0 if constant else float(spearmanr(predicted, actual).statistic),
        "normalised_gini": 0.0 if constant else _gains(actual, predicted) / _gains(actual, actual),
        "share_below_zero": float((actual < 0).mean()),
    }
    return metrics | ({"total_error": float((predicted.sum() - actual.sum()) / total)} if total else {})


def tweedie_deviance(actual: Floats, predicted: Floats) -> float:
    """Return the mean Tweedie deviance of power 1.5, which suits sums of a random number of gamma distributed amounts.

    At this power it is 4 (sqrt(y) - sqrt(m))^2 / sqrt(m). It knows no amounts below 0: who gave back more than they
    bought is left out.
    """
    bought = actual >= 0
    came, expected = actual[bought], predicted[bought]
    if not came.any():
        return 0.0
    root = np.sqrt(np.maximum(expected, LEAST_SHARE * came.mean()))
    return float(np.mean(4 * (np.sqrt(came) - root) ** 2 / root))


def _gains(actual: Floats, ranking: Floats) -> float:
    found = np.cumsum(actual[np.argsort(-ranking, kind="stable")])
    return float(found.mean() - (actual.sum() + actual.mean()) / 2)
