"""An explanation as one HTML page that needs nothing else: the chains, and a waterfall for each probability."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from markupsafe import Markup

from crm_pipeline.identity.closeup import Closeup, Weight
from crm_pipeline.identity.explain import Edge, Explanation
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
from crm_pipeline.show.pages import filled

_WIDTH, _ROW, _TOP = 780, 24, 30
_LEFT, _RIGHT = 290, 60
_FOR, _AGAINST, _GREY, _INK = "#1b6ca8", "#c8553d", "#888888", "#222222"


def page(explanation: Explanation, closeup: Closeup, accept: float, with_values: bool) -> Markup:
    """Return the page; values of the records stand in it only if they are asked for.

    Args:
        explanation: what is explained.
        closeup: the weights.
        accept: probability from which on records are linked.
        with_values: whether to show what the records hold.
    """
    return filled(
        __package__,
        "explanation.html",
        title=explanation.record or explanation.customer_id,
        heading=heading(explanation),
        chains="\n".join(tree(explanation.steps, closeup, with_values)),
        further=further_links(explanation) if explanation.further else "",
        links=[
            _link(edge, closeup.weights.get((edge.record_a, edge.record_b), ()), accept, with_values)
            for edge in probable_edges(explanation)
        ],
        conflicts=list(explanation.conflicts),
        doubts=list(doubt_lines(explanation)),
    )


def _link(edge: Edge, weights: Sequence[Weight], accept: float, with_values: bool) -> dict[str, Any]:
    """Return what the page tells of a probable link."""
    held = [(weight.thing.replace("_", " "), weight.values) for weight in weights if any(weight.values)]
    return {
        "title": f"{edge.record_a} and {edge.record_b}: {percent(edge.probability)}",
        "notes": weight_notes(edge, weights),
        "waterfall": waterfall(weights, accept) if weights else "",
        "held": held if weights and with_values else None,
    }


def waterfall(weights: Sequence[Weight], accept: float) -> Markup:
    """Return as SVG how the weights add up, from two random records on; the dashed line is where links begin."""
    ends = list(accumulate(weight.bits for weight in weights))
    limit = to_weight(accept)
    low, high = min(0.0, limit, *ends), max(0.0, limit, *ends)
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low)

    def x(bits: float) -> float:
        return _LEFT + (bits - low) * scale

    bars = []
    for place, (weight, begin, end) in enumerate(zip(weights, [0.0, *ends], ends, strict=False)):
        colour = _FOR if weight.bits > 0 else _AGAINST
        if weight.thing == "start" or not weight.bits:
            colour = _GREY
        bars.append(_bar(place, label(weight), (x(begin), x(end)), f"{weight.bits:+.1f}", colour))
    bars.append(_bar(len(weights), "sum", (x(0), x(ends[-1])), f"{ends[-1]:+.1f}", _INK))
    bottom = _TOP + _ROW * len(bars)
    rules = [
        {"x": x(0), "name": "even odds", "dashes": "none", "label_y": bottom + 14},
        {"x": x(limit), "name": f"links from {percent(accept)}", "dashes": "4 3", "label_y": _TOP - 12},
    ]
    return filled(
        __package__,
        "waterfall.svg",
        width=_WIDTH,
        height=bottom + 20,
        top=_TOP - 6,
        bottom=bottom,
        rules=rules,
        bars=bars,
    )


def _bar(place: int, name: str, ends: tuple[float, float], bits: str, colour: str) -> dict[str, Any]:
    left, right = sorted(ends)
    return {
        "top": _TOP + _ROW * place,
        "height": _ROW - 8,
        "left": left,
        "right": right,
        "width": max(right - left, 1),
        "name_x": _LEFT - 10,
        "name": name,
        "bits": bits,
        "colour": colour,
    }
