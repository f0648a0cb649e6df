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

from crm_pipeline.scoring.frame import Backtest, Floats

GREY = "#9a9a9a"
COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#8d6a9f", "#b08900", "#3a9a9a", "#7a4f2b")
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "crm_pipeline",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

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
            made.axes.bar(left, values, width * 0.92, label=name, color=_colour(place, name in muted))
        made.axes.set_xticks(range(len(groups)), groups)
        _legend(made.axes, series)
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
            colour = _colour(place, quiet)
            made.axes.plot(x, y, "--" if quiet else "-", label=name, color=colour, marker=marker, markersize=3)
        _labels(made.axes, x_label, y_label)
        _legend(made.axes, lines)
        return made.svg


def histogram(title: str, x_label: str, values: Floats, bins: int = 30) -> str:
    """Return how many of the values fall into each of equally wide bins."""
    with drawing(title) as made:
        made.axes.hist(values[~np.isnan(values)], bins=bins, color=COLOURS[0])
        _labels(made.axes, x_label, "people")
        return made.svg


def heat_map(title: str, rows: Sequence[str], columns: Sequence[str], values: Floats, form: str = "{:.1f}") -> str:
    """Return a table of numbers (rows x columns) coloured around 0, each cell with its number."""
    with drawing(title, 2.2 + 0.55 * len(columns), 1.2 + 0.32 * len(rows)) as made:
        limit = float(np.nanmax(np.abs(values))) if values.size else 1.0
        made.axes.imshow(values, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
        made.axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
        made.axes.set_yticks(range(len(rows)), rows)
        for (row, column), value in np.ndenumerate(values):
            shade = "white" if abs(value) > 0.6 * limit else "black"
            made.axes.text(column, row, form.format(value), ha="center", va="center", fontsize=7, color=shade)
        return made.svg


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
    return bars(metric.replace("_", " "), [origin.isoformat() for origin in origins], series, muted)


def calibration_curve(predicted: Floats, actual: npt.NDArray[np.int64], bins: int = 10) -> str:
    """Return observed share against predicted probability, in groups of equal size, beside the diagonal."""
    groups = [group for group in np.array_split(np.argsort(predicted, kind="stable"), bins) if len(group)]
    points = [(float(predicted[group].mean()), float(actual[group].mean())) for group in groups]
    lines: dict[str, Points] = {"model": points, "perfect": [(0, 0), (1, 1)]}
    return curve("Calibration", "predicted probability", "observed share", lines, ["perfect"], markers=True)


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
    lines: dict[str, Points] = {}
    for name, values in scores.items():
        reached = np.concatenate([[0], np.cumsum(actual[np.argsort(-values, kind="stable")])])
        lines[name] = [(place / max(len(actual), 1), reached[place] / total) for place in places]
    lines["chance"] = [(0, 0), (1, 1)]
    return curve(f"Gains: {found}", "share of people contacted", f"share of {found} reached", lines, ["chance"])


def _labels(axes: Axes, x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)


def _legend(axes: Axes, names: Collection[str]) -> None:
    if len(names) > 1:
        axes.figure.legend(loc="outside lower center", ncols=min(len(names), 3), frameon=False, fontsize=8)


def _colour(place: int, muted: bool) -> str:
    return GREY if muted else COLOURS[place % len(COLOURS)]
