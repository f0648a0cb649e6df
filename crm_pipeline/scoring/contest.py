"""The contest behind every model: candidates beside baselines at rolling origins, one champion, accepted or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crm_pipeline.scoring.model import Model, Round
from crm_pipeline.scoring.outcome import Backtest


@dataclass(frozen=True)
class ContestResult:
    """The figures of a contest, its champion, and the sentence that refuses it (None: it beat its baseline)."""

    rows: tuple[Backtest, ...]
    champion: str
    means: Mapping[str, Mapping[str, float]]
    refusal: str | None


def contest_result(model: Model, rounds: Sequence[Round]) -> ContestResult:
    """Name the candidate with the best mean; it is refused unless it beats the first baseline at every origin."""
    rows = tuple(
        Backtest(model.name, one.origin, name, name in model.baselines, metric, value, len(one.actual))
        for one in rounds
        for name, predicted in one.predictions.items()
        for metric, value in {**model.measure(one.actual, predicted), **one.figures.get(name, {})}.items()
    )
    means = mean_metrics(rows)
    sign = 1 if model.higher_is_better else -1
    champion = max(model.candidates, key=lambda name: sign * means[name][model.metric])
    return ContestResult(rows, champion, means, _refusal(model, rows, champion, sign))


def mean_metrics(rows: Sequence[Backtest]) -> dict[str, dict[str, float]]:
    """Return candidate -> metric -> mean over the origins, rounded so that the last bits never decide a contest."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        found.setdefault(row.candidate, {}).setdefault(row.metric, []).append(row.value)
    return {
        candidate: {metric: round(float(np.mean(values)), 6) for metric, values in metrics.items()}
        for candidate, metrics in found.items()
    }


def _refusal(model: Model, rows: Sequence[Backtest], champion: str, sign: int) -> str | None:
    baseline = model.baselines[0]
    values = {(row.candidate, row.origin): round(row.value, 6) for row in rows if row.metric == model.metric}
    lost = [
        f"{origin}: {values[champion, origin]:.4g} against {values[baseline, origin]:.4g}"
        for origin in sorted({origin for _, origin in values})
        if sign * values[champion, origin] <= sign * values[baseline, origin]
    ]
    if not lost:
        return None
    metric = model.metric.replace("_", " ")
    return f"{champion} does not beat {baseline} in {metric} on held-out time ({'; '.join(lost)})."
