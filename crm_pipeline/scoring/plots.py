"""Small plots as SVG text, drawn without a plotting library: backtest bars, calibration, gains."""

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from crm_pipeline.scoring.frame import Backtest, Floats

_WIDTH, _HEIGHT, _MARGIN = 420, 260, 44
_COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#8d6a9f", "#b08900")
_GREY = "#888888"


def backtest_bars(rows: Sequence[Backtest], metric: str) -> str:
    """Return a bar per candidate and origin of one metric; baselines are grey."""
    chosen = [row for row in rows if row.metric == metric]
    origins = sorted({row.origin for row in chosen})
    candidates = sorted({(row.is_baseline, row.candidate) for row in chosen})
    top = max((row.value for row in chosen), default=0.0) or 1.0
    group = (_WIDTH - 2 * _MARGIN) / max(len(origins), 1)
    bar = group * 0.8 / max(len(candidates), 1)
    colours = {name: _GREY if naive else _COLOURS[i % len(_COLOURS)] for i, (naive, name) in enumerate(candidates)}
    order = {name: place for place, (_, name) in enumerate(candidates)}
    parts = []
    for row in chosen:
        height = (_HEIGHT - 2 * _MARGIN) * max(row.value, 0.0) / top
        left = _MARGIN + origins.index(row.origin) * group + order[row.candidate] * bar
        hint = escape(f"{row.candidate} {row.origin}: {row.value:.4g}")
        parts.append(
            f'<rect x="{left:.1f}" y="{_HEIGHT - _MARGIN - height:.1f}" width="{bar * 0.9:.1f}" '
            f'height="{height:.1f}" fill="{colours[row.candidate]}"><title>{hint}</title></rect>'
        )
    parts += [
        _text(_MARGIN + place * group, _HEIGHT - _MARGIN + 14, origin.isoformat())
        for place, origin in enumerate(origins)
    ]
    return _svg(metric.replace("_", " "), parts, list(colours.items()), top)


def calibration_curve(predicted: Floats, actual: npt.NDArray[np.int64], bins: int = 10) -> str:
    """Return observed share against predicted probability, in groups of equal size, beside the diagonal."""
    groups = [group for group in np.array_split(np.argsort(predicted, kind="stable"), bins) if len(group)]
    points = [(float(predicted[group].mean()), float(actual[group].mean())) for group in groups]
    parts = [_line([(0, 0), (1, 1)], _GREY), _line(points, _COLOURS[0])]
    return _svg("observed share by predicted probability", parts, [("model", _COLOURS[0]), ("perfect", _GREY)], 1.0)


def gains_curve(scores: dict[str, Floats], actual: npt.NDArray[np.int64], steps: int = 20) -> str:
    """Return the share of churners found among the people ranked highest, per candidate."""
    total = max(int(actual.sum()), 1)
    places = np.linspace(0, len(actual), steps + 1).astype(int)
    parts = [_line([(0, 0), (1, 1)], _GREY)]
    legend = []
    for colour, (name, values) in zip(_COLOURS, scores.items(), strict=False):
        found = np.concatenate([[0], np.cumsum(actual[np.argsort(-values, kind="stable")])])
        parts.append(_line([(place / max(len(actual), 1), found[place] / total) for place in places], colour))
        legend.append((name, colour))
    return _svg("share of churners found by share of people", parts, legend, 1.0)


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    wide, high = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    path = " ".join(f"{_MARGIN + x * wide:.1f},{_HEIGHT - _MARGIN - y * high:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, colour: str = "#222222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="10" font-family="sans-serif" fill="{colour}">{escape(text)}</text>'
    )


def _svg(title: str, parts: Sequence[str], legend: Sequence[tuple[str, str]], top: float) -> str:
    names = [_text(_MARGIN + place * 95, _HEIGHT - 8, name[:18], colour) for place, (name, colour) in enumerate(legend)]
    base, right = _HEIGHT - _MARGIN, _WIDTH - _MARGIN
    axes = (
        f'<path d="M{_MARGIN},{_MARGIN}V{base}H{right}" fill="none" stroke="#222222"/>'
        + _text(4, _MARGIN + 4, f"{top:.4g}")
        + _text(4, base, "0")
    )
    body = "".join([_text(_MARGIN, 20, title), axes, *parts, *names])
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">{body}</svg>'
