"""The contest behind every model: candidates beside baselines at rolling origins, one champion, accepted or refused.

A candidate counts at the origins at which it says something; one that had nothing to learn from is left out there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from crm_pipeline.scoring.model import Demand, Model, NotEnoughDataError, Round, Verdict, demands
from crm_pipeline.scoring.outcome import Backtest

Values = Mapping[tuple[str, str, date], float]
"""Candidate, metric and origin -> what was measured, rounded so that the last bits never decide a contest."""


@dataclass(frozen=True)
class ContestResult:
    """The figures of a contest, its champion, and the sentence that refuses it (None: it beat its baselines).

    `baseline` is the strongest of those that it has to beat; `notes` say what to bear in mind either way.
    """

    rows: tuple[Backtest, ...]
    champion: str
    means: Mapping[str, Mapping[str, float]]
    refusal: str | None
    baseline: str
    notes: tuple[str, ...] = ()


def contest_result(model: Model, rounds: Sequence[Round]) -> ContestResult:
    """Name the best candidate; it is refused unless it beats its baselines at every origin.

    With several demands it has to beat each baseline in each measure on the mean of the origins, and at every origin in
    all of them together. A baseline that cannot be computed at an origin is named, and asks for nothing there.

    Raises:
        NotEnoughDataError: if no candidate learnt anything at any origin.
    """
    rows = tuple(
        Backtest(model.name, one.origin, name, name in model.baselines, metric, value, len(one.actual))
        for one in rounds
        for name, predicted in one.predictions.items()
        if np.isfinite(predicted).all() or name not in model.baselines
        for metric, value in {**model.measure(one.actual, predicted), **one.figures.get(name, {})}.items()
    )
    values = {(row.candidate, row.metric, row.origin): round(row.value, 6) for row in rows if np.isfinite(row.value)}
    asked = demands(model)
    judge: Callable[[Sequence[Round]], Verdict] = getattr(model, "judge", lambda _: _verdict(model, asked, values))
    found = judge(rounds)
    baseline = _strongest(asked[0], values, _origins(values, found.champion, asked[0].metric))
    return ContestResult(rows, found.champion, mean_metrics(rows), found.refusal, baseline, found.notes)


def _verdict(model: Model, asked: Sequence[Demand], values: Values) -> Verdict:
    champion = _champion(model.candidates, asked, values)
    origins = _origins(values, champion, asked[0].metric)
    missing = _missing(asked, values, origins)
    refusal = _refusal(champion, asked, values, origins)
    if all(len(missing.get(name, ())) == len(origins) for demand in asked for name in demand.baselines):
        refusal = f"{champion} stands beside no naive method on held-out time."
    notes = tuple(
        f"The baseline {name} could not be computed at {', '.join(map(str, days))}." for name, days in missing.items()
    )
    return Verdict(champion, refusal, notes)


def mean_metrics(rows: Sequence[Backtest]) -> dict[str, dict[str, float]]:
    """Return candidate -> metric -> mean over the origins, rounded so that the last bits never decide a contest."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        found.setdefault(row.candidate, {}).setdefault(row.metric, []).append(row.value)
    return {
        candidate: {metric: round(float(np.mean(values)), 6) for metric, values in metrics.items()}
        for candidate, metrics in found.items()
    }


def _champion(candidates: Sequence[str], asked: Sequence[Demand], values: Values) -> str:
    """Return the best candidate; a later one has to be better at the origins at which both count."""
    metric = asked[0].metric
    counting = [name for name in candidates if _origins(values, name, metric)]
    if not counting:
        raise NotEnoughDataError("No method had anything to learn from at any origin of the backtest.")
    champion = counting[0]
    for name in counting[1:]:
        both = sorted({*_origins(values, name, metric)} & {*_origins(values, champion, metric)})
        if both and sum(_gain(demand, values, name, champion, both) for demand in asked) > 0:
            champion = name
    return champion


def _origins(values: Values, name: str, metric: str) -> list[date]:
    return sorted(origin for candidate, measure, origin in values if (candidate, measure) == (name, metric))


def _gain(demand: Demand, values: Values, name: str, other: str, origins: Sequence[date]) -> float:
    """Return by which share a candidate is better than another in a measure, on the mean of these origins."""
    own, theirs = (
        round(float(np.mean([values[candidate, demand.metric, origin] for origin in origins])), 6)
        for candidate in (name, other)
    )
    return (1 if demand.higher_is_better else -1) * (own - theirs) / (abs(theirs) or 1.0)


def _computed(values: Values, name: str, metric: str, origins: Sequence[date]) -> list[date]:
    return [origin for origin in origins if (name, metric, origin) in values]


def _missing(asked: Sequence[Demand], values: Values, origins: Sequence[date]) -> dict[str, list[date]]:
    """Return for each baseline the origins at which it could not be computed."""
    found = {
        name: [origin for origin in origins if (name, demand.metric, origin) not in values]
        for demand in asked
        for name in demand.baselines
    }
    return {name: days for name, days in found.items() if days}


def _refusal(champion: str, asked: Sequence[Demand], values: Values, origins: Sequence[date]) -> str | None:
    baselines = dict.fromkeys(name for demand in asked for name in demand.baselines)
    return " ".join(filter(None, (_lost_to(champion, name, asked, values, origins) for name in baselines))) or None


def _lost_to(
    champion: str, baseline: str, asked: Sequence[Demand], values: Values, origins: Sequence[date]
) -> str | None:
    """Say where a champion does not beat a baseline: on the mean in one of the measures, or at an origin in all."""
    own = [demand for demand in asked if baseline in demand.baselines]
    days = _computed(values, baseline, own[0].metric, origins)
    lost = [
        f"{day}: {_against(own, values, champion, baseline, [day])}"
        for day in days
        if sum(_gain(demand, values, champion, baseline, [day]) for demand in own) <= 0
    ]
    if days and not lost:
        lost = [
            f"on the mean of the origins: {_against([demand], values, champion, baseline, days)}"
            for demand in own
            if _gain(demand, values, champion, baseline, days) <= 0
        ]
    if not lost:
        return None
    measures = " and ".join(demand.metric.replace("_", " ") for demand in own)
    return f"{champion} does not beat {baseline} in {measures} on held-out time ({'; '.join(lost)})."


def _against(asked: Sequence[Demand], values: Values, champion: str, baseline: str, origins: Sequence[date]) -> str:
    pairs = []
    for demand in asked:
        own, naive = (
            float(np.mean([values[name, demand.metric, origin] for origin in origins])) for name in (champion, baseline)
        )
        pairs.append(f"{own:.4g} against {naive:.4g}")
    return " and ".join(pairs)


def _strongest(demand: Demand, values: Values, origins: Sequence[date]) -> str:
    """Return the baseline with the best mean in a measure; the first where none could be computed."""
    sign = 1 if demand.higher_is_better else -1
    means = {
        name: sign * float(np.mean([values[name, demand.metric, origin] for origin in days]))
        for name in demand.baselines
        if (days := _computed(values, name, demand.metric, origins))
    }
    return max(means, key=lambda name: means[name]) if means else demand.baselines[0]
