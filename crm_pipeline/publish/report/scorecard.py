"""The scorecard as a table: each KPI with its last complete month, target, status and the year before it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby

import duckdb

from crm_pipeline.publish.report.found import ask
from crm_pipeline.publish.report.words import among, change, month, spoken, told

TITLE = "Key figures"
SQL = """
with months as (
    select
        kpi,
        list(value order by month) as history,
        max(value) filter (where month = getvariable('last_month')) as value,
        max(trend) filter (where month = getvariable('last_month')) as trend,
        max(denominator) filter (where month = getvariable('last_month')) as denominator,
        max(status) filter (where month = getvariable('last_month')) as status
    from marts.kpi_scorecard
    where dimension = 'all' and month <= getvariable('last_month')
        and month > getvariable('last_month') - interval 13 month
    group by kpi
)
select
    definitions.kpi_group, definitions.kpi, definitions.unit, definitions.direction, definitions.target,
    months.value, months.denominator, months.trend, months.status, months.history,
    definitions.formula, definitions.description, getvariable('last_month') as last_month
from marts.kpi_definitions as definitions
left join months on definitions.kpi = months.kpi
order by definitions.kpi_group, definitions.kpi
"""
_STATUS = {"on_target": ("ok", "on target"), "off_target": ("not", "off target"), "no_data": ("", "no data")}
_WIDTH, _HEIGHT = 110, 22


@dataclass(frozen=True)
class Kpi:
    """One KPI in the last complete month, as `SQL` gives it.

    Attributes:
        history: its values of up to 13 months, the last of them `month`; None where there was none.
    """

    kpi_group: str
    kpi: str
    unit: str
    direction: str
    target: float | None
    value: float | None
    denominator: float | None
    trend: float | None
    status: str | None
    history: Sequence[float | None] | None
    formula: str
    description: str
    month: date | None


def scorecard(con: duckdb.DuckDBPyConnection) -> str:
    """Return one table with a body per group of KPIs."""
    kpis = [Kpi(*row) for row in ask(con, TITLE, SQL).rows]
    if not kpis or kpis[0].month is None:
        return "<p>No month is complete yet.</p>"
    header = (
        f"<tr><th>KPI</th><th class='number'>{month(kpis[0].month)}</th><th class='number'>change in a month</th>"
        "<th class='number'>target</th><th>status</th><th>13 months</th></tr>"
    )
    groups = groupby(kpis, key=lambda kpi: kpi.kpi_group)
    return f"<table class='scorecard'>{header}{''.join(_group(name, members) for name, members in groups)}</table>"


def _group(name: str, kpis: Iterable[Kpi]) -> str:
    return f"<tr class='group'><th colspan='6'>{escape(name)}</th></tr>{''.join(map(_row, kpis))}"


def _row(kpi: Kpi) -> str:
    tone, status = _STATUS.get(kpi.status or "no_data", ("", ""))
    better = "" if not kpi.trend else "ok" if (kpi.trend > 0) == (kpi.direction == "up") else "not"
    unit = "" if kpi.unit in f"share, money, {spoken(kpi.kpi)}" else f" <small>{escape(kpi.unit)}</small>"
    number = among(kpi.unit, kpi.denominator)
    number = f"<br><small>{number}</small>" if number and kpi.value is not None else ""
    target = "" if kpi.target is None else told(kpi.target, kpi.unit)
    return (
        f"<tr title='{escape(kpi.formula)}'>"
        f"<td>{escape(spoken(kpi.kpi))}{unit}<br><small>{escape(kpi.description)}</small></td>"
        f"<td class='number'>{told(kpi.value, kpi.unit)}{number}</td>"
        f"<td class='number {better}'>{change(kpi.trend)}</td>"
        f"<td class='number'>{target}</td><td class='{tone}'>{status}</td>"
        f"<td>{sparkline(kpi.history or ())}</td></tr>"
    )


def sparkline(history: Sequence[float | None]) -> str:
    """Return the course of a figure as a small line that ends in a dot; months without a value leave a gap."""
    known = [value for value in history if value is not None]
    if not known:
        return ""
    low, spread = min(known), (max(known) - min(known)) or 1.0
    step = (_WIDTH - 6) / max(len(history) - 1, 1)
    points = [
        None if value is None else (3 + place * step, _HEIGHT - 3 - (value - low) / spread * (_HEIGHT - 6))
        for place, value in enumerate(history)
    ]
    path, pen_is_up = "", True
    for point in points:
        if point:
            path += f"{'M' if pen_is_up else 'L'}{point[0]:.1f},{point[1]:.1f}"
        pen_is_up = point is None
    dot = f"<circle cx='{points[-1][0]:.1f}' cy='{points[-1][1]:.1f}' r='2.5'/>" if points[-1] else ""
    return f"<svg class='spark' viewBox='0 0 {_WIDTH} {_HEIGHT}' width='{_WIDTH}'><path d='{path}'/>{dot}</svg>"
