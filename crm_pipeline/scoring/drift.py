"""Drift: how far a distribution has moved since a model was accepted, as population stability index (PSI).

PSI = sum over bins of (now - then) ln(now / then), on tenths of what was seen then, with missing values as a bin of
their own (N. Siddiqi, Credit Risk Scorecards, 2006). Below 0.1 is usual, above 0.25 is another population.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crm_pipeline.scoring.model import Floats, Inputs

LIMIT = 0.25
"""From here on a distribution counts as another one."""

_BINS = 10
_SMALLEST = 1e-4  # an empty bin would make the index infinite


def profile(values: Floats) -> dict[str, Any]:
    """Return the tenths of a distribution as JSON-ready inner edges and shares, the missing values' share last."""
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.array([])
    return {"edges": edges.tolist(), "shares": _shares(values, edges).tolist()}


def profiles(inputs: Inputs) -> dict[str, dict[str, Any]]:
    """Return the profile of each input of a model."""
    return {name: profile(inputs.matrix[:, place]) for place, name in enumerate(inputs.names)}


def stability_index(then: Mapping[str, Any], values: Floats) -> float:
    """Return the PSI of values against an earlier profile; 0 where either is empty."""
    if not len(values) or not sum(then["shares"]):
        return 0.0
    before = np.maximum(np.array(then["shares"]), _SMALLEST)
    after = np.maximum(_shares(values, np.array(then["edges"])), _SMALLEST)
    return round(float(((after - before) * np.log(after / before)).sum()), 6)


def table(then: Mapping[str, Mapping[str, Any]], inputs: Inputs) -> dict[str, float]:
    """Return the PSI of each input that both times know, the most moved first."""
    found = {
        name: stability_index(then[name], inputs.matrix[:, place])
        for place, name in enumerate(inputs.names)
        if name in then
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def moved(drift: Mapping[str, float]) -> Sequence[str]:
    """Return the names of the inputs that have become another distribution."""
    return [name for name, index in drift.items() if index > LIMIT]


def _shares(values: Floats, edges: Floats) -> Floats:
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(known)) / max(len(values), 1)
