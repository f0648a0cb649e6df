"""Difference in differences: what a programme brought the units that have it, against the others' change meanwhile.

In a panel without holes and with one start, the effect of a regression with fixed effects of units and months is the
difference between the two groups' mean change. Its standard error, clustered by unit so that the months of a unit need
not be independent, is that of a difference of means of the units' own changes: so corrected for few units, it is the
CR2 of R. M. Bell and D. F. McCaffrey, 2002, and Welch's degrees of freedom go with it. Where units are few even that is
rough, so the same change is laid on all other choices of as many units (R. A. Fisher's permutation test).
"""

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from itertools import combinations
from math import comb
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_pipeline.config.programmes import Programme
from crm_pipeline.scoring.effects import Effect, Moments, difference, figures
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.programmes.panel import Panel, panel
from crm_pipeline.scoring.table import AS_OF, Column, Mart, ScoreTable

MIN_MONTHS, MIN_UNITS = 3, 2
"""Months before and after, and units with and without the programme, below which nothing is compared."""
FEW_UNITS = 30
CERTAIN = 0.05
"""A p-value below this tells an effect, or a trend, from none."""
PLACEBOS = 1_999
"""Choices of units that are tried at most; with fewer choices, all of them are."""


class ProgrammeStatus(StrEnum):
    """What a comparison tells; the first two come without an effect."""

    TOO_EARLY = "too_early"
    TOO_FEW_UNITS = "too_few_units"
    NOT_PARALLEL = "not_parallel"
    INCONCLUSIVE = "inconclusive"
    CONCLUSIVE = "conclusive"


EFFECTS = ScoreTable(
    "programme_effects",
    "One row per programme: what it brought the units that have it. The units with a programme of pipeline.yml "
    "(`programmes`) beside those without, before and after (difference in differences); nobody drew them at "
    "random, so the comparison is worth what `pre_trend` says of it.",
    (
        Column.text("programme_name", "Name of the programme in pipeline.yml.", required=True),
        AS_OF,
        Column.text(
            "status",
            "conclusive: p_value and placebo_p_value are below 0.05; inconclusive: they are not; not_parallel: "
            "the units went different ways before, so the effect is not to be believed; too_early: fewer than 3 "
            "months before or after; too_few_units: fewer than 2 units with it or without.",
            required=True,
            values=("too_early", "too_few_units", "not_parallel", "inconclusive", "conclusive"),
        ),
        Column.text("unit", "What has the programme or not, a column of the orders.", required=True),
        Column.text("measure", "What is compared, per unit and month.", required=True),
        Column.day("starts_on", "First day of the programme.", required=True),
        Column.integer("months_before", "Complete months before that are compared.", required=True),
        Column.integer("months_after", "Complete months from then on that are compared.", required=True),
        Column.integer("units_treated", "Units with the programme.", required=True),
        Column.integer("units_control", "Units without it.", required=True),
        Column.integer(
            "units_left_out",
            "Units, those named as treated included, that did not trade from the first month to the last.",
            required=True,
        ),
        Column.flag(
            "has_few_units",
            "Whether there are fewer than 30 units, so that the interval is rough and placebo_p_value counts.",
            required=True,
        ),
        Column.number("treated_before", "Mean of a treated unit and month before."),
        Column.number("treated_after", "Mean of a treated unit and month after."),
        Column.number("control_before", "Mean of another unit and month before."),
        Column.number("control_after", "Mean of another unit and month after."),
        Column.number(
            "effect",
            "How much more the treated units changed than the others: the effect of two-way fixed effects, per "
            "unit and month.",
        ),
        Column.number("effect_lower", "Lower bound of its 95 % interval, clustered by unit."),
        Column.number("effect_upper", "Upper bound of its 95 % interval, clustered by unit."),
        Column.probability("p_value", "Probability of an effect so large by chance."),
        Column.probability(
            "placebo_p_value", "Share of all choices of as many units, or of 1,999 drawn ones, that look as different."
        ),
        Column.number("relative_effect", "The effect as a share of what would have been without it."),
        Column.number("pre_trend", "How much more per month the treated units rose before its start than the others."),
        Column.probability(
            "pre_trend_p_value", "Probability of such a difference by chance; below 0.05 the units are no comparison."
        ),
    ),
    key=("programme_name",),
    mart=Mart("campaigns"),
)
MONTHS = ScoreTable(
    "programme_effect_months",
    "One row per programme and month: how far the treated units moved. An event study: before it the effect is "
    "to be near 0.",
    (
        Column.text("programme_name", "Name of the programme in pipeline.yml.", required=True),
        AS_OF,
        Column.day("month", "First day of the month.", required=True),
        Column.integer("months_since", "Months since its start; below 0 before it.", required=True),
        Column.number("treated_mean", "Mean of the treated units.", required=True),
        Column.number("control_mean", "Mean of the other units.", required=True),
        Column.number(
            "effect", "How much farther the treated units are from their own mean before the start than the others."
        ),
        Column.number("effect_lower", "Lower bound of its 95 % interval, clustered by unit."),
        Column.number("effect_upper", "Upper bound of its 95 % interval, clustered by unit."),
        Column.probability("p_value", "Probability of an effect so large by chance."),
    ),
    key=("programme_name", "month"),
    mart=Mart("campaigns"),
)


def programme_effects(
    connection: duckdb.DuckDBPyConnection, programmes: Iterable[Programme], as_of: date, seed: int
) -> tuple[pa.Table, pa.Table]:
    """Return what each programme brought, and how that came about month by month, in the order declared."""
    effects: list[dict[str, Any]] = []
    months: list[dict[str, Any]] = []
    for programme in programmes:
        seen = panel(connection, programme, as_of)
        name = {"programme_name": programme.name, "as_of_date": as_of}
        row = _described(programme, seen) | compare(seen, seed)
        effects.append(name | row)
        if row["status"] not in (ProgrammeStatus.TOO_EARLY, ProgrammeStatus.TOO_FEW_UNITS):
            months += [name | month for month in event_study(seen)]
    return pa.Table.from_pylist(effects, schema=EFFECTS.schema), pa.Table.from_pylist(months, schema=MONTHS.schema)


def compare(seen: Panel, seed: int) -> dict[str, Any]:
    """Return the effect of a programme with its interval, and whether the units went the same way before it."""
    before, after = ~seen.after, seen.after
    if min(before.sum(), after.sum()) < MIN_MONTHS:
        return {"status": ProgrammeStatus.TOO_EARLY.value}
    changed = seen.values @ (after / after.sum() - before / before.sum())
    effect = _between(changed, seen)
    if effect is None:
        return {"status": ProgrammeStatus.TOO_FEW_UNITS.value}
    trend = _between(seen.values @ _slope(before), seen)
    placebo = placebo_p_value(changed, seen.treated, seed)
    means = {
        f"{group}_{time}": float(seen.values[np.ix_(units, months)].mean())
        for group, units in (("treated", seen.treated), ("control", ~seen.treated))
        for time, months in (("before", before), ("after", after))
    }
    without = means["treated_after"] - effect.value
    return {
        "status": _status(effect, trend, placebo).value,
        **means,
        **figures(effect),
        "placebo_p_value": placebo,
        "relative_effect": effect.value / without if without > 0 else None,
        "pre_trend": trend.value if trend else None,
        "pre_trend_p_value": trend.p_value if trend else None,
    }


def event_study(seen: Panel) -> Iterator[dict[str, Any]]:
    """Return for each month how much farther than the others the treated units are from their own mean before."""
    start = int((~seen.after).sum())
    moved = seen.values - seen.values[:, ~seen.after].mean(axis=1, keepdims=True)
    for place, month in enumerate(seen.months):
        yield {
            "month": month,
            "months_since": place - start,
            "treated_mean": float(seen.values[seen.treated, place].mean()),
            "control_mean": float(seen.values[~seen.treated, place].mean()),
            **figures(_between(moved[:, place], seen)),
        }


def placebo_p_value(changed: Floats, treated: npt.NDArray[np.bool_], seed: int) -> float:
    """Return the share of all choices of as many units that differ from the rest at least as much as the treated do."""
    units, chosen = len(changed), int(treated.sum())
    if comb(units, chosen) <= PLACEBOS:
        choices = np.array(list(combinations(range(units), chosen)))
        said = 0
    else:
        orders = np.tile(np.arange(units), (PLACEBOS, 1))
        choices = np.random.default_rng(seed).permuted(orders, axis=1)[:, :chosen]
        said = 1  # the real choice is one of them
    sums = changed[choices].sum(axis=1)
    apart = np.abs(sums / chosen - (changed.sum() - sums) / (units - chosen))
    real = abs(changed[treated].mean() - changed[~treated].mean())
    return float((said + (apart >= real * (1 - 1e-9)).sum()) / (said + len(choices)))


def _described(programme: Programme, seen: Panel) -> dict[str, Any]:
    treated = int(seen.treated.sum())
    return {
        "unit": programme.unit,
        "measure": programme.measure,
        "starts_on": programme.starts_on,
        "months_before": int((~seen.after).sum()),
        "months_after": int(seen.after.sum()),
        "units_treated": treated,
        "units_control": len(seen.units) - treated,
        "units_left_out": seen.left_out,
        "has_few_units": len(seen.units) < FEW_UNITS,
    }


def _between(contrast: Floats, seen: Panel) -> Effect | None:
    """Return how much higher a figure of each unit is for the treated ones; None where there are too few units."""
    treated, control = contrast[seen.treated], contrast[~seen.treated]
    if min(len(treated), len(control)) < MIN_UNITS:
        return None
    return difference(Moments.of(treated.tolist()), Moments.of(control.tolist()))


def _slope(months: npt.NDArray[np.bool_]) -> Floats:
    """Return the weights that give the least-squares slope per month over some months."""
    place = np.arange(len(months), dtype=float)
    centred = np.where(months, place - place[months].mean(), 0.0)
    return centred / (centred**2).sum()


def _status(effect: Effect, trend: Effect | None, placebo: float) -> ProgrammeStatus:
    if trend and trend.p_value < CERTAIN:
        return ProgrammeStatus.NOT_PARALLEL
    return (
        ProgrammeStatus.CONCLUSIVE if effect.p_value < CERTAIN and placebo < CERTAIN else ProgrammeStatus.INCONCLUSIVE
    )
