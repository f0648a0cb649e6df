"""The scorecard as a table: each KPI with its last complete month, target, status and the year before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import duckdb
from markupsafe import Markup

from crm_pipeline.publish.report.found import ask
from crm_pipeline.publish.report.words import among, change, month, spoken, told
from crm_pipeline.show.pages import filled

TITLE = "Key figures"
SQL = """
with months as (
    select
        kpi,
        list(value order by month) as history,
        max(value) filter (where month = getvariable('last_month')) as value,
        max(trend) filter (where month = getvariable('last_month')) as trend,
        max(target) filter (where month = getvariable('last_month')) as target,
        max(denominator) filter (where month = getvariable('last_month')) as denominator,
        max(status) filter (where month = getvariable('last_month')) as status
    from marts.kpi_scorecard
    where dimension = 'all' and month <= getvariable('last_month')
        and month > getvariable('last_month') - interval 13 month
    group by kpi
)
select
    definitions.kpi_group, definitions.kpi, definitions.unit, definitions.direction, months.target,
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


def scorecard(con: duckdb.DuckDBPyConnection) -> Markup:
    """Return one table with a body per group of KPIs."""
    kpis = [Kpi(*row) for row in ask(con, TITLE, SQL).rows]
    shown = month(kpis[0].month) if kpis and kpis[0].month else ""
    groups = {name: [_row(kpi) for kpi in members] for name, members in groupby(kpis, key=lambda kpi: kpi.kpi_group)}
    return filled(__package__, "scorecard.html", month=shown, groups=groups)


def _row(kpi: Kpi) -> dict[str, str]:
    """Return what the table tells of a KPI."""
    tone, status = _STATUS.get(kpi.status or "no_data", ("", ""))
    return {
        "name": spoken(kpi.kpi),
        "unit": "" if kpi.unit in f"share, money, {spoken(kpi.kpi)}" else kpi.unit,
        "description": kpi.description,
        "formula": kpi.formula,
        "value": told(kpi.value, kpi.unit),
        "number": "" if kpi.value is None else among(kpi.unit, kpi.denominator),
        "better": "" if not kpi.trend else "ok" if (kpi.trend > 0) == (kpi.direction == "up") else "not",
        "change": change(kpi.trend),
        "target": "" if kpi.target is None else told(kpi.target, kpi.unit),
        "tone": tone,
        "status": status,
        "course": sparkline(kpi.history or ()),
    }


def sparkline(history: Sequence[float | None]) -> Markup:
    """Return the course of a figure as a small line that ends in a dot; months without a value leave a gap."""
    known = [value for value in history if value is not None]
    if not known:
        return Markup()
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
    return filled(__package__, "sparkline.svg", width=_WIDTH, height=_HEIGHT, path=path, dot=points[-1])
