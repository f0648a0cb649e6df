"""Plots of how models did on time that they had not seen."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.outcome import Backtest
from crm_pipeline.show import plots


def backtest_bars(rows: Sequence[Backtest], metric: str) -> str:
    """Return a bar per candidate and origin of one metric; baselines are grey."""
    found = {(row.candidate, row.origin): row.value for row in rows if row.metric == metric}
    origins = sorted({origin for _, origin in found})
    naive = {row.candidate: row.is_baseline for row in rows if row.metric == metric}
    series = {
        name: [found.get((name, origin), 0.0) for origin in origins]
        for name in sorted(naive, key=lambda name: (naive[name], name))
    }
    muted = [name for name, baseline in naive.items() if baseline]
    return plots.bars(metric.replace("_", " "), [origin.isoformat() for origin in origins], series, muted)


def calibration_curve(predicted: Floats, actual: npt.NDArray[np.int64], bins: int = 10) -> str:
    """Return observed share against predicted probability, in groups of equal size, beside the diagonal."""
    groups = [group for group in np.array_split(np.argsort(predicted, kind="stable"), bins) if len(group)]
    points = [(float(predicted[group].mean()), float(actual[group].mean())) for group in groups]
    lines: dict[str, plots.Points] = {"model": points, "perfect": [(0, 0), (1, 1)]}
    return plots.curve("Calibration", "predicted probability", "observed share", lines, ["perfect"], markers=True)


def gains_curve(scores: Mapping[str, Floats], actual: npt.NDArray[np.int64], found: str, steps: int = 20) -> str:
    """Return the share of those sought who are found among the people ranked highest, per candidate.

    Args:
        scores: one score per person by candidate, higher = sought rather.
        actual: 1 for those sought, else 0.
        found: who is sought, in the plural (`churners`).
        steps: points per line.
    """
    total = max(int(actual.sum()), 1)
    places = np.linspace(0, len(actual), steps + 1).astype(int)
    lines: dict[str, plots.Points] = {}
    for name, values in scores.items():
        reached = np.concatenate([[0], np.cumsum(actual[np.argsort(-values, kind="stable")])])
        lines[name] = [(place / max(len(actual), 1), reached[place] / total) for place in places]
    lines["chance"] = [(0, 0), (1, 1)]
    return plots.curve(f"Gains: {found}", "share of people contacted", f"share of {found} reached", lines, ["chance"])
