"""Plots and tables of the report: each reads the columns of an answer by their places."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from crm_pipeline.publish.report.found import Draw, Found
from crm_pipeline.publish.report.words import spoken, told, unit_of
from crm_pipeline.show import plots
from crm_pipeline.show.pages import filled, picture

_WIDTH, _HEIGHT, _LINE = 5.6, 3.0, 0.28
_MOST_TICKS = 8


def stacked(y_label: str) -> Draw:
    """Draw (x, series, value) as one stack of bars per x."""

    def draw(title: str, found: Found) -> Markup:
        places, series = _series(found)
        with plots.drawing(y_label, _WIDTH, _HEIGHT) as made:
            bottom = np.zeros(len(places))
            for number, (name, values) in enumerate(series.items()):
                heights = np.nan_to_num(values)
                made.axes.bar(range(len(places)), heights, 0.8, bottom, label=name, color=plots.colour(number))
                bottom = bottom + heights
            _ticks(made.axes, places)
            plots.legend(made.axes, series)
            return picture(title, made.svg)

    return draw


def lines(y_label: str, percent: bool = False) -> Draw:
    """Draw (x, series, value) as a line per series; a value that is missing leaves a gap."""

    def draw(title: str, found: Found) -> Markup:
        places, series = _series(found)
        with plots.drawing(y_label, _WIDTH, _HEIGHT) as made:
            for number, (name, values) in enumerate(series.items()):
                made.axes.plot(values, label=name, color=plots.colour(number), marker="o", markersize=2.5)
            _ticks(made.axes, places)
            if min(np.nanmin(values, initial=0) for values in series.values()) >= 0:
                made.axes.set_ylim(bottom=0)
            if percent:
                made.axes.yaxis.set_major_formatter("{x:.0%}")
            plots.legend(made.axes, series)
            return picture(title, made.svg)

    return draw


def bars(x_label: str, unit: str = "") -> Draw:
    """Draw (name, value) as lying bars in the order of the rows, each with its figure."""

    def draw(title: str, found: Found) -> Markup:
        names, values = [told(row[0]) for row in found.rows], [_number(row[1]) for row in found.rows]
        with plots.drawing(x_label, _WIDTH, 0.8 + _LINE * len(names)) as made:
            drawn = made.axes.barh(range(len(names)), values, 0.7, color=plots.colour(0))
            made.axes.bar_label(drawn, [told(row[1], unit) for row in found.rows], padding=3, fontsize=8)
            _lines_down(made.axes, names)
            made.axes.xaxis.set_visible(False)
            made.axes.spines["bottom"].set_visible(False)
            made.axes.margins(x=0.15)
            return picture(title, made.svg)

    return draw


def intervals(x_label: str) -> Draw:
    """Draw (name, value, lower, upper) as points with their intervals beside a line at 0."""

    def draw(title: str, found: Found) -> Markup:
        names = [told(row[0]) for row in found.rows]
        value, lower, upper = (np.array([_number(row[place]) for row in found.rows]) for place in (1, 2, 3))
        with plots.drawing(x_label, _WIDTH, 0.9 + _LINE * len(names)) as made:
            made.axes.axvline(0, color=plots.GREY, linewidth=1)
            # Rounding may put an end on the other side of its value.
            spans = [np.maximum(value - lower, 0.0), np.maximum(upper - value, 0.0)]
            made.axes.errorbar(value, range(len(names)), xerr=spans, fmt="o", markersize=4, color=plots.colour(0))
            _lines_down(made.axes, names)
            made.axes.xaxis.set_major_formatter("{x:,.0f}")
            return picture(title, made.svg)

    return draw


def grid(x_label: str, form: str = "{:.0%}") -> Draw:
    """Draw (row, column, value) as a table that is the darker the higher the value; missing cells stay white."""

    def draw(title: str, found: Found) -> Markup:
        rows = _in_order([row[0] for row in found.rows])
        columns = sorted({row[1] for row in found.rows})
        values = np.full((len(rows), len(columns)), np.nan)
        for row, column, value, *_ in found.rows:
            values[rows.index(row), columns.index(column)] = _number(value)
        names = [told(row) for row in rows]
        return picture(title, plots.heat_map(x_label, names, [told(x) for x in columns], values, form, around=None))

    return draw


def table(_title: str, found: Found) -> Markup:
    """Return all columns, named by their names; figures stand to the right."""
    numeric = [any(isinstance(row[place], int | float | Decimal) for row in found.rows) for place in _places(found)]
    kinds = ["number" if figure else "" for figure in numeric]
    return filled(
        __package__,
        "table.html",
        columns=list(zip(map(spoken, found.columns), kinds, strict=True)),
        rows=[
            [told(value, unit_of(name)) for name, value in zip(found.columns, row, strict=True)] for row in found.rows
        ],
    )


def _places(found: Found) -> range:
    return range(len(found.columns))


def _series(found: Found) -> tuple[list[Any], dict[str, np.ndarray]]:
    """Turn rows of (x, series, value) into the places on the x axis and one array per series."""
    places = sorted({row[0] for row in found.rows})
    series = {name: np.full(len(places), np.nan) for name in _in_order([told(row[1]) for row in found.rows])}
    for x, name, value in found.rows:
        series[told(name)][places.index(x)] = _number(value)
    return places, series


def _in_order(values: Sequence[Any]) -> list[Any]:
    """Return each value once, in the order in which they come."""
    return list(dict.fromkeys(values))


def _number(value: Decimal | float | None) -> float:
    return np.nan if value is None else float(value)


def _ticks(axes: Axes, places: Sequence[Any]) -> None:
    step = -(-len(places) // _MOST_TICKS)
    chosen = range(0, len(places), step)
    axes.set_xticks(list(chosen), [_tick(places[place]) for place in chosen])
    axes.yaxis.set_major_formatter("{x:,.10g}")


def _tick(place: object) -> str:
    return f"{place:%b\n%Y}" if isinstance(place, date) else told(place)


def _lines_down(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
