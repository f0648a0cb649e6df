"""An explanation as one HTML page that needs nothing else: the chains, and a waterfall for each probability."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import accumulate

from crm_pipeline.identity.closeup import Closeup, Weight
from crm_pipeline.identity.explain import Explanation
from crm_pipeline.identity.explain_report import (
    doubt_lines,
    further_links,
    heading,
    label,
    percent,
    probable_edges,
    tree,
    weight_notes,
)
from crm_pipeline.identity.probability import to_weight
from crm_pipeline.show import pages

_WIDTH, _ROW, _TOP = 780, 24, 30
_LEFT, _RIGHT = 290, 60
_FOR, _AGAINST, _GREY, _INK = "#1b6ca8", "#c8553d", "#888888", "#222222"
_STYLE = "pre { font: 14px/1.4 monospace; }"


def page(explanation: Explanation, closeup: Closeup, accept: float, with_values: bool) -> str:
    """Return the page; values of the records stand in it only if they are asked for.

    Args:
        explanation: what is explained.
        closeup: the weights.
        accept: probability from which on records are linked.
        with_values: whether to show what the records hold.
    """
    chains = "\n".join(tree(explanation.steps, closeup, with_values))
    parts = [f"<h1>{escape(heading(explanation))}</h1>", f"<pre>{escape(chains)}</pre>"]
    if explanation.further:
        parts.append(f"<p>{escape(further_links(explanation))}</p>")
    for edge in probable_edges(explanation):
        weights = closeup.weights.get((edge.record_a, edge.record_b), ())
        parts.append(f"<h2>{escape(f'{edge.record_a} and {edge.record_b}: {percent(edge.probability)}')}</h2>")
        parts += [f"<p>{escape(note)}</p>" for note in weight_notes(edge, weights)]
        if weights:
            parts += ["<p>Weights in bits; one more doubles the odds.</p>", waterfall(weights, accept)]
            parts += [_values_table(weights)] if with_values else []
    parts += _section("Identifiers that link nothing or not all", explanation.conflicts)
    parts += _section("Perhaps the same person, for review", doubt_lines(explanation))
    return pages.page(explanation.record or explanation.customer_id, "".join(parts), _STYLE)


def waterfall(weights: Sequence[Weight], accept: float) -> str:
    """Return as SVG how the weights add up, from two random records on; the dashed line is where links begin."""
    ends = list(accumulate(weight.bits for weight in weights))
    limit = to_weight(accept)
    low, high = min(0.0, limit, *ends), max(0.0, limit, *ends)
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low)

    def x(bits: float) -> float:
        return _LEFT + (bits - low) * scale

    bottom = _TOP + _ROW * (len(weights) + 1)
    parts = [
        _rule(x(0), bottom, "even odds"),
        _rule(x(limit), bottom, f"links from {percent(accept)}", dashes="4 3"),
    ]
    for place, (weight, begin, end) in enumerate(zip(weights, [0.0, *ends], ends, strict=False)):
        colour = _FOR if weight.bits > 0 else _AGAINST
        if weight.thing == "start" or not weight.bits:
            colour = _GREY
        parts += _bar(place, label(weight), (x(begin), x(end)), f"{weight.bits:+.1f}", colour)
    parts += _bar(len(weights), "sum", (x(0), x(ends[-1])), f"{ends[-1]:+.1f}", _INK)
    high_enough = bottom + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {high_enough}" width="{_WIDTH}" role="img">'
        f"<title>How the weights add up</title>{''.join(parts)}</svg>"
    )


def _bar(place: int, name: str, ends: tuple[float, float], bits: str, colour: str) -> list[str]:
    top, (left, right) = _TOP + _ROW * place, sorted(ends)
    return [
        _text(_LEFT - 10, top + 15, name, "end"),
        f'<rect x="{left:.1f}" y="{top + 4}" width="{max(right - left, 1):.1f}" height="{_ROW - 8}" fill="{colour}"/>',
        _text(right + 4, top + 15, bits),
    ]


def _rule(x: float, bottom: float, name: str, dashes: str = "none") -> str:
    line = f'<path d="M{x:.1f},{_TOP - 6}V{bottom}" stroke="{_GREY}" stroke-dasharray="{dashes}"/>'
    return line + _text(x, _TOP - 12 if dashes != "none" else bottom + 14, name, "middle")


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" font-family="sans-serif" fill="{_INK}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _values_table(weights: Sequence[Weight]) -> str:
    rows = [
        f"<tr><td>{escape(weight.thing.replace('_', ' '))}</td>"
        + "".join(f"<td>{escape(value)}</td>" for value in weight.values)
        + "</tr>"
        for weight in weights
        if any(weight.values)
    ]
    return f"<table>{''.join(rows)}</table>"


def _section(title: str, lines: Iterable[str]) -> list[str]:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return [f"<h2>{escape(title)}</h2><ul>{items}</ul>"] if items else []
