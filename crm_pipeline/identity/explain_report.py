"""An explanation as text for the terminal."""

from collections.abc import Iterator, Sequence

from crm_pipeline.identity.closeup import Closeup, Weight
from crm_pipeline.identity.explain import Edge, Explanation, Step
from crm_pipeline.identity.probability import to_probability

_WORDS = {
    "override": "linked by hand",
    "source_id": "same source id",
    "loyalty_id": "same loyalty card",
    "email": "same e-mail",
    "phone": "same phone number",
    "probability": "by probability",
}
_CERTAIN = 0.9995
# Weights that differ by more than this come from other records or another model than the link.
_SAME_BITS = 0.01


def render(explanation: Explanation, closeup: Closeup, with_values: bool) -> str:
    """Return an explanation as text; values of the records stand in it only if they are asked for."""
    parts = [heading(explanation), "", *tree(explanation.steps, closeup, with_values)]
    if explanation.further:
        parts += ["", further_links(explanation)]
    for edge in probable_edges(explanation):
        weights = closeup.weights.get((edge.record_a, edge.record_b), ())
        parts += ["", f"{edge.record_a} and {edge.record_b}: {percent(edge.probability)}"]
        parts += [f"  {line}" for line in weight_lines(weights, with_values)]
        parts += [f"  {note}" for note in weight_notes(edge, weights)]
    if explanation.conflicts:
        parts += ["", "Identifiers that link nothing or not all:", *(f"  {text}" for text in explanation.conflicts)]
    if explanation.doubts:
        parts += ["", "Perhaps the same person, for review:", *(f"  {line}" for line in doubt_lines(explanation))]
    return "\n".join(parts)


def heading(explanation: Explanation) -> str:
    """Return who is explained, in a line."""
    records = f"{explanation.records} record{'' if explanation.records == 1 else 's'}"
    if explanation.record and len(explanation.steps) == 1:
        return f"{explanation.record} is the founding record of {explanation.customer_id}, which has {records}"
    if explanation.record:
        return f"{explanation.record} is one of the {records} of {explanation.customer_id}, by this chain:"
    return f"{explanation.customer_id}: {records}, the founding one first"


def tree(steps: Sequence[Step], closeup: Closeup, with_values: bool) -> Iterator[str]:
    """Yield each record behind the one that comes before it in its chain, and the link between them."""
    begun = [mark + step.record for mark, step in zip(_marks(steps), steps, strict=True)]
    wide = max((len(text) for text in begun), default=0)
    for text, step in zip(begun, steps, strict=True):
        yield f"{text:<{wide}}  {link_words(step.edge, closeup, with_values)}" if step.edge else text


def link_words(edge: Edge, closeup: Closeup, with_values: bool) -> str:
    """Return by what two records are linked, in words."""
    if edge.probability is not None:
        return f"{_WORDS[edge.kind]}, {percent(edge.probability)}"
    value = closeup.identifiers.get((edge.kind, edge.value_hash or "")) if with_values else None
    return f"{_WORDS[edge.kind]} {value}" if value else _WORDS[edge.kind]


def further_links(explanation: Explanation) -> str:
    """Return what else speaks for the person, in a line."""
    counted = ", ".join(f"{count} x {_WORDS[kind]}" for kind, count in explanation.further.items())
    return f"Further links of the {'record' if explanation.record else 'person'}: {counted}."


def probable_edges(explanation: Explanation) -> list[Edge]:
    """Return the links by probability that the chains need."""
    return [step.edge for step in explanation.steps if step.edge and step.edge.probability is not None]


def percent(probability: float | None) -> str:
    """Return a probability in percent, never as certainty."""
    share = probability or 0.0
    return "over 99.9 %" if share >= _CERTAIN else f"{share * 100:.1f} %"


def weight_lines(weights: Sequence[Weight], with_values: bool) -> list[str]:
    """Return the weights of a link and their sum as lines."""
    if not weights:
        return []
    wide = max(len(label(weight)) for weight in weights)
    lines = []
    for weight in weights:
        values = (
            f"   {weight.values[0] or '-'} | {weight.values[1] or '-'}" if with_values and any(weight.values) else ""
        )
        lines.append(f"{label(weight):<{wide}}  {weight.bits:+6.1f}{values}")
    total = sum(weight.bits for weight in weights)
    return [*lines, f"{'sum':<{wide}}  {total:+6.1f} bits, which is {percent(to_probability(total))}"]


def weight_notes(edge: Edge, weights: Sequence[Weight]) -> list[str]:
    """Say where the weights are not those by which the link was made."""
    if not weights:
        return ["No weights: the model or one of the records has gone since the last run. Remedy: crm run."]
    linked_by = edge.probability or 0.0
    if abs(to_probability(sum(weight.bits for weight in weights)) - linked_by) > _SAME_BITS * linked_by:
        return ["The model or the records have changed since the link was made. Remedy: crm run."]
    return []


def label(weight: Weight) -> str:
    """Return what a weight is about."""
    return weight.level if weight.thing == "start" else f"{weight.thing.replace('_', ' ')}: {weight.level}"


def doubt_lines(explanation: Explanation) -> list[str]:
    """Return the pairs for review as lines."""
    return [
        f"{doubt.record} and {doubt.other_record} of {doubt.other_customer_id}: {percent(doubt.probability)}. "
        f"{doubt.reason}"
        for doubt in explanation.doubts
    ]


def _marks(steps: Sequence[Step]) -> list[str]:
    """Return what stands before each record, so that the lines read as a tree."""
    marks, open_below = [], [False] * (max((step.depth for step in steps), default=0) + 1)
    for step in reversed(steps):
        bars = "".join("│  " if open_below[depth] else "   " for depth in range(1, step.depth))
        own = "" if step.depth == 0 else "├─ " if open_below[step.depth] else "└─ "
        marks.append(bars + own)
        open_below[step.depth] = True
        open_below[step.depth + 1 :] = [False] * (len(open_below) - step.depth - 1)
    return marks[::-1]
