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
# Bits of evidence against one person, whatever speaks for it, that other pairs of their records do not outweigh.
_STRANGERS = -5.0
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
class Doubts:
    """Pairs of records within groups that a chain of links may join although its ends are strangers.

    Attributes:
        a: one record of each pair.
        b: the other one.
        weight: log2 of the odds that a pair is one person, of all pairs of the group that can be compared.
        prior: what it is of two random records: part of each weight, and counted once for all pairs of two sides.
        weak_from: priority of the links that this can outweigh; a smaller one is believed.
    """

    a: Nodes
    b: Nodes
    weight: NDArray[np.float64]
    prior: float
    weak_from: int

    @classmethod
    def none(cls) -> "Doubts":
        """Return no pairs."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), 0.0, 0)


@dataclass(frozen=True)
class Bridge:
    """A group whose parts are strangers that a weak link joined: how many records it had, and people it leaves."""

    founder: int
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


def separate(
    founders: Nodes, links: Links, unique: UniqueValues, doubts: Doubts | None = None
) -> tuple[Nodes, list[Contradiction], list[Bridge]]:
    """Divide the groups that hold several values of a unique kind, or strangers, cutting their weakest links.

    Inside such a group the links are taken again from the strongest to the weakest. One that would join two sides with
    different values is left out, and so is a weak one that joins two sides of which more speaks against one person than
    for it, all their pairs taken together. Other groups stay as they are.

    Args:
        founders: the group of each record.
        links: the links, strongest first.
        unique: the values.
        doubts: the pairs of the groups that may be strangers, where there may be any.

    Returns:
        The founders after the division, the contradictions found before it, and the groups that were divided without.
    """
    doubts = doubts or Doubts.none()
    contradicting = _contradicting_groups(founders, unique)
    concerned = {group for group, _ in contradicting}
    doubtful = set(founders[doubts.a].tolist())
    if not concerned | doubtful:
        return founders, [], []
    inside = np.isin(founders, np.array(sorted(concerned | doubtful), dtype=np.int64))
    joined = _Joined(np.flatnonzero(inside).tolist(), doubts)
    for node, kind, value in _rows(inside[unique.node], unique.node, unique.kind, unique.value):
        joined.held[node][kind].add(value)
    for a, b, priority in _rows(inside[links.a], links.a, links.b, links.priority):
        joined.join(a, b, priority)
    divided = founders.copy()
    for node in joined.root:
        divided[node] = joined.root_of(node)

    before, after = founders[inside], divided[inside]

    def parts(founder: int) -> tuple[int, int]:
        return int((before == founder).sum()), len(np.unique(after[before == founder]))

    found = [
        Contradiction(founder, kind, tuple(sorted(values)), *parts(founder))
        for (founder, kind), values in sorted(contradicting.items())
    ]
    bridges = [Bridge(founder, *parts(founder)) for founder in sorted(doubtful - concerned)]
    return divided, found, [bridge for bridge in bridges if bridge.people > 1]


class _Joined:
    """Records that are joined link by link, and what each side holds."""

    def __init__(self, nodes: Iterable[int], doubts: Doubts) -> None:
        self.root = {node: node for node in nodes}
        self.members = {node: [node] for node in self.root}
        self.held: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        self.prior, self.weak_from = doubts.prior, doubts.weak_from
        self.weights: dict[int, dict[int, float]] = defaultdict(dict)
        for a, b, weight in zip(doubts.a.tolist(), doubts.b.tolist(), doubts.weight.tolist(), strict=True):
            self.weights[a][b] = self.weights[b][a] = weight

    def root_of(self, node: int) -> int:
        """Return the oldest record that a record is joined with."""
        while self.root[node] != node:
            self.root[node] = self.root[self.root[node]]
            node = self.root[node]
        return node

    def join(self, a: int, b: int, priority: int) -> None:
        """Join the two sides of a link unless they may not be one person; the older root stays."""
        older, newer = sorted((self.root_of(a), self.root_of(b)))
        if older == newer or self._contradict(older, newer):
            return
        if priority >= self.weak_from and self._weight(older, newer) < 0:
            return
        self.root[newer] = older
        self.members[older] += self.members.pop(newer)
        for kind, values in self.held[newer].items():
            self.held[older][kind] |= values

    def _contradict(self, one: int, other: int) -> bool:
        ours, theirs = self.held[one], self.held[other]
        return any(ours[kind] and ours[kind].isdisjoint(values) for kind, values in theirs.items() if values)

    def _weight(self, one: int, other: int) -> float:
        """Return the log2 of the odds that two sides are one person, from all pairs of their records.

        The pairs of two sides tell much the same again and again, so that what agrees adds up to too much: one pair of
        strangers is enough.
        """
        few, many = sorted((one, other), key=lambda root: len(self.members[root]))
        evidence = [
            weight - self.prior
            for node in self.members[few]
            for with_whom, weight in self.weights.get(node, {}).items()
            if self.root_of(with_whom) == many
        ]
        if not evidence:
            return 0.0
        return min(evidence) if min(evidence) < _STRANGERS else self.prior + sum(evidence)


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
