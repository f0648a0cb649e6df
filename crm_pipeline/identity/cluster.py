"""Groups of linked records: connected components, cut where a group would hold two values that a person has once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Nodes = NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """Links between record numbers, strongest and oldest first."""

    a: Nodes
    b: Nodes
    priority: Nodes


@dataclass(frozen=True)
class UniqueValues:
    """Which record holds which value of the kinds that are unique per person (values as numbers)."""

    node: Nodes
    kind: Nodes
    value: Nodes


@dataclass(frozen=True)
class Contradiction:
    """Records that are linked although they hold different values of a kind that is unique per person."""

    kind: int
    values: tuple[int, ...]
    records: int
    people: int


def group(nodes: int, links: Links) -> Nodes:
    """Return for each node the smallest node that it is connected with, directly or by way of others."""
    if nodes == 0:
        return np.zeros(0, dtype=np.int64)
    graph = coo_array((np.ones(len(links.a), dtype=np.int8), (links.a, links.b)), shape=(nodes, nodes))
    _, labels = connected_components(graph, directed=False)
    _, first, position = np.unique(labels, return_index=True, return_inverse=True)
    return first.astype(np.int64)[position]


def separate(founders: Nodes, links: Links, unique: UniqueValues) -> tuple[Nodes, list[Contradiction]]:
    """Divide the groups that hold several values of a unique kind, cutting their weakest links.

    Inside such a group the links are taken again from the strongest to the weakest (older before newer); one that would
    join two sides with different values is left out. Groups without a contradiction stay as they are.

    Returns:
        The founders after the division, and the contradictions found before it.
    """
    contradicting = _contradicting_groups(founders, unique)
    if not contradicting:
        return founders, []
    held: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    inside = np.isin(founders, np.array(sorted({group for group, _ in contradicting}), dtype=np.int64))
    for node, kind, value in _rows(inside[unique.node], unique.node, unique.kind, unique.value):
        held[node][kind].add(value)
    forest = {int(node): int(node) for node in np.flatnonzero(inside)}
    for a, b in _rows(inside[links.a], links.a, links.b):
        _join(forest, held, a, b)
    divided = founders.copy()
    for node in forest:
        divided[node] = _root(forest, node)
    return divided, [
        Contradiction(
            kind=kind,
            values=tuple(sorted(values)),
            records=int((founders == founder).sum()),
            people=len(np.unique(divided[founders == founder])),
        )
        for (founder, kind), values in sorted(contradicting.items())
    ]


def _contradicting_groups(founders: Nodes, unique: UniqueValues) -> dict[tuple[int, int], set[int]]:
    """Return the values per (group, kind) where there is more than one."""
    rows = np.unique(np.column_stack([founders[unique.node], unique.kind, unique.value]), axis=0)
    if len(rows) == 0:
        return {}
    _, position, count = np.unique(rows[:, :2], axis=0, return_inverse=True, return_counts=True)
    values: dict[tuple[int, int], set[int]] = defaultdict(set)
    for founder, kind, value in rows[count[position.reshape(-1)] > 1].tolist():
        values[founder, kind].add(value)
    return values


def _rows(mask: NDArray[np.bool_], *columns: Nodes) -> Iterable[tuple[int, ...]]:
    return zip(*(column[mask].tolist() for column in columns), strict=True)


def _root(forest: dict[int, int], node: int) -> int:
    while forest[node] != node:
        forest[node] = forest[forest[node]]
        node = forest[node]
    return node


def _join(forest: dict[int, int], held: dict[int, dict[int, set[int]]], a: int, b: int) -> None:
    """Join the two sides of a link unless they hold different values of a unique kind; the older root stays."""
    older, newer = sorted((_root(forest, a), _root(forest, b)))
    if older == newer:
        return
    ours, theirs = held[older], held[newer]
    if any(ours[kind] and ours[kind].isdisjoint(values) for kind, values in theirs.items() if values):
        return
    forest[newer] = older
    for kind, values in theirs.items():
        ours[kind] |= values
