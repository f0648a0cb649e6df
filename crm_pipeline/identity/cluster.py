"""Groups of linked records: connected components, within limits, and cut where two sides may not be one person."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from crm_pipeline.identity.numbers import Nodes

Mask = NDArray[np.bool_]
#: Says of the founders of all records which of their groups are too large for one person.
TooLarge = Callable[[Nodes], Nodes]


@dataclass(frozen=True)
class Links:
    """Links between record numbers: a smaller priority is a stronger kind; of one kind a greater weight is stronger."""

    a: Nodes
    b: Nodes
    priority: Nodes
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of links."""
        return len(self.a)

    def __getitem__(self, rows: Mask | Nodes) -> "Links":
        """Return some of the links."""
        return Links(*(getattr(self, column.name)[rows] for column in fields(self)))

    def order(self) -> Nodes:
        """Return the rows from the strongest and oldest link to the weakest and youngest."""
        return np.lexsort((self.a, self.b, -self.weight, self.priority))

    @staticmethod
    def joined(*parts: "Links") -> "Links":
        """Return the links of several sets."""
        return Links(*(np.concatenate([getattr(part, c.name) for part in parts]) for c in fields(Links)))


@dataclass(frozen=True)
class UniqueValues:
    """Which record holds which value of the kinds that are unique per person (values as numbers)."""

    node: Nodes
    kind: Nodes
    value: Nodes


@dataclass(frozen=True)
class Contradiction:
    """Records that are linked to a founder although they hold different values of a kind that is unique per person."""

    founder: int
    kind: int
    values: tuple[int, ...]
    records: int
    people: int


@dataclass(frozen=True)
class HeldBack:
    """A group that was too large: how many records it had, and the priority of the links that were taken out."""

    founder: int
    records: int
    priority: int
    links: int


def connected(nodes: int, a: Nodes, b: Nodes) -> Nodes:
    """Return for each node the smallest node that it is connected with, directly or by way of others."""
    if nodes == 0:
        return np.zeros(0, dtype=np.int64)
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(nodes, nodes))
    _, labels = connected_components(graph, directed=False)
    _, first, position = np.unique(labels, return_index=True, return_inverse=True)
    return first.astype(np.int64)[position]


def hold_back(nodes: int, links: Links, too_large: TooLarge) -> tuple[Mask, list[HeldBack]]:
    """Take the weakest kind of links out of the groups that are too large, then the next, until none is.

    Args:
        nodes: number of records.
        links: the links.
        too_large: says which founders' groups are too large.

    Returns:
        Which links stay, and what was held back. Links by hand (priority 0) always stay.
    """
    kept, held = np.ones(len(links), dtype=bool), []
    for weakest in sorted(set(links.priority.tolist()) - {0}, reverse=True):
        founders = connected(nodes, links.a[kept], links.b[kept])
        large = too_large(founders)
        if len(large) == 0:
            break
        taken = kept & (links.priority == weakest) & np.isin(founders[links.a], large)
        group, count = np.unique(founders[links.a[taken]], return_counts=True)
        size = np.bincount(founders, minlength=nodes)
        held += [HeldBack(int(g), int(size[g]), weakest, int(c)) for g, c in zip(group, count, strict=True)]
        kept &= ~taken
    return kept, held


def separate(founders: Nodes, links: Links, unique: UniqueValues) -> tuple[Nodes, list[Contradiction]]:
    """Divide the groups that hold several values of a unique kind, cutting their weakest links.

    Inside such a group the links are taken again from the strongest to the weakest; one that would join two sides with
    different values is left out. Groups without a contradiction stay as they are.

    Args:
        founders: the group of each record.
        links: the links, strongest first.
        unique: the values.

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
            founder=founder,
            kind=kind,
            values=tuple(sorted(values)),
            records=int((founders == founder).sum()),
            people=len(np.unique(divided[founders == founder])),
        )
        for (founder, kind), values in sorted(contradicting.items())
    ]


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


def _rows(mask: Mask, *columns: Nodes) -> Iterable[tuple[int, ...]]:
    return zip(*(column[mask].tolist() for column in columns), strict=True)
