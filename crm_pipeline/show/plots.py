"""Plots as SVG texts, drawn with matplotlib; the same figures give the same text."""

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

GREY = "#9a9a9a"
COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#8d6a9f", "#b08900", "#3a9a9a", "#7a4f2b")
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "crm_pipeline",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # A name out of the data may hold dollar signs; it is not a formula.
    "text.parse_math": False,
}

Floats = npt.NDArray[np.float64]
Points = Sequence[tuple[float, float]]


class Drawing:
    """A figure in the making: draw on `axes`, then read `svg`."""

    def __init__(self, title: str, width: float, height: float) -> None:
        """Begin a figure; width and height are in inches."""
        self._figure = Figure(figsize=(width, height), layout="constrained")
        self.axes: Axes = self._figure.subplots()
        self.axes.set_title(title, fontsize=10)

    @property
    def svg(self) -> str:
        """The figure as SVG text, without the time of its making."""
        text = io.StringIO()
        self._figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


@contextmanager
def drawing(title: str, width: float = 5.2, height: float = 3.2) -> Iterator[Drawing]:
    """Begin a figure in the project's style; read its `svg` before the block ends."""
    with matplotlib.rc_context(_STYLE):
        yield Drawing(title, width, height)


def bars(title: str, groups: Sequence[str], series: Mapping[str, Sequence[float]], muted: Collection[str] = ()) -> str:
    """Return a bar per group and series; muted series (baselines) are grey."""
    with drawing(title) as made:
        width = 0.8 / max(len(series), 1)
        for place, (name, values) in enumerate(series.items()):
            left = np.arange(len(groups)) + (place - (len(series) - 1) / 2) * width
            made.axes.bar(left, values, width * 0.92, label=name, color=colour(place, name in muted))
        made.axes.set_xticks(range(len(groups)), groups)
        legend(made.axes, series)
        return made.svg


def curve(
    title: str,
    x_label: str,
    y_label: str,
    lines: Mapping[str, Points],
    muted: Collection[str] = (),
    markers: bool = False,
) -> str:
    """Return a line per series of (x, y) points; muted ones are grey and dashed."""
    with drawing(title) as made:
        for place, (name, points) in enumerate(lines.items()):
            quiet = name in muted
            x, y = zip(*points, strict=True) if points else ((), ())
            marker = "o" if markers and not quiet else ""
            shade = colour(place, quiet)
            made.axes.plot(x, y, "--" if quiet else "-", label=name, color=shade, marker=marker, markersize=3)
        _labels(made.axes, x_label, y_label)
        legend(made.axes, lines)
        return made.svg


def histogram(title: str, x_label: str, values: Floats, bins: int = 30) -> str:
    """Return how many of the values fall into each of equally wide bins."""
    with drawing(title) as made:
        made.axes.hist(values[~np.isnan(values)], bins=bins, color=COLOURS[0])
        _labels(made.axes, x_label, "people")
        return made.svg


def heat_map(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Floats,
    form: str = "{:.1f}",
    around: float | None = 0.0,
) -> str:
    """Return a table of numbers (rows x columns), each coloured cell with its number; missing ones stay white.

    Args:
        title: what the numbers are.
        rows: their names.
        columns: their names.
        values: rows x columns; NaN where there is none.
        form: format of a number.
        around: the value between the two colours; None for one colour that grows darker from 0 on.
    """
    with drawing(title, 2.2 + 0.55 * len(columns), 1.2 + 0.32 * len(rows)) as made:
        middle = around or 0.0
        limit = float(np.max(np.abs(values - middle), initial=0.0, where=~np.isnan(values))) or 1.0
        if around is None:
            made.axes.imshow(values, cmap="Blues", vmin=0, vmax=1.25 * limit, aspect="auto")
        else:
            made.axes.imshow(values, cmap="RdBu", vmin=around - limit, vmax=around + limit, aspect="auto")
        made.axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
        made.axes.set_yticks(range(len(rows)), rows)
        for (row, column), value in np.ndenumerate(values):
            if not np.isnan(value):
                shade = "white" if abs(value - middle) > 0.6 * limit else "black"
                made.axes.text(column, row, form.format(value), ha="center", va="center", fontsize=7, color=shade)
        return made.svg


def legend(axes: Axes, names: Collection[str]) -> None:
    """Name the series below the plot, if there are several."""
    if len(names) > 1:
        axes.figure.legend(loc="outside lower center", ncols=min(len(names), 3), frameon=False, fontsize=8)


def colour(place: int, muted: bool = False) -> str:
    """Return the colour of a series by its place among the others."""
    return GREY if muted else COLOURS[place % len(COLOURS)]


def _labels(axes: Axes, x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
