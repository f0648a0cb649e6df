"""Why records are one person: for each the chain of links from the founding record, and what else concerns them."""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.identity.people import founder_of
from crm_pipeline.identity.rules import LINK_KINDS


@dataclass(frozen=True)
class Edge:
    """A link between two records; `probability` and `value_hash` are None where the kind of link has none."""

    record_a: str
    record_b: str
    kind: str
    value_hash: str | None
    probability: float | None


@dataclass(frozen=True)
class Step:
    """A record of a person, and the link by which the chain from the founding record comes to it.

    Attributes:
        record: the record.
        before: the record that comes before it in the chain; None for the founding one.
        edge: the link with that record; None for the founding one.
        depth: links from the founding record.
    """

    record: str
    before: str | None
    edge: Edge | None
    depth: int


@dataclass(frozen=True)
class Doubt:
    """A pair for review: a record of the person and one of another person who may be the same."""

    record: str
    other_record: str
    other_customer_id: str
    probability: float
    reason: str


@dataclass(frozen=True)
class Explanation:
    """Why records are one person.

    Attributes:
        customer_id: the person.
        record: the record that was asked for; None for all of the person.
        records: how many records the person has.
        steps: each record behind the one that comes before it in its chain.
        further: kind -> links of the person, or of the record that was asked for, that no chain needs.
        conflicts: the problems of identifiers that the records carry.
        doubts: pairs for review.
    """

    customer_id: str
    record: str | None
    records: int
    steps: tuple[Step, ...]
    further: dict[str, int]
    conflicts: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def edges_of(edges: pa.Table, records: Collection[str]) -> list[Edge]:
    """Return the links between records of a person, strongest first."""
    inside = edges.filter(pc.is_in(edges["record_a"], pa.array(records, pa.string())))
    found = [Edge(**row) for row in inside.to_pylist()]
    return sorted(found, key=lambda edge: (LINK_KINDS.index(edge.kind), -(edge.probability or 0.0)))


def chains(founder: str, edges: Collection[Edge]) -> list[Step]:
    """Return the best chain from the founding record to each record, as a tree in reading order.

    A chain is better than another when it needs fewer links of the weakest kind; where they are equal in that, of the
    next kind, and so on. Among chains of the same kinds the more probable one counts.
    """
    neighbours = defaultdict(list)
    for edge in edges:
        neighbours[edge.record_a].append((edge.record_b, edge))
        neighbours[edge.record_b].append((edge.record_a, edge))
    came_by: dict[str, Edge | None] = {}
    before: dict[str, str | None] = {}
    start = (0.0,) * (len(LINK_KINDS) + 1)
    waiting: list[tuple[tuple[float, ...], int, str, str | None, Edge | None]] = [(start, 0, founder, None, None)]
    number = 0
    while waiting:
        cost, _, record, previous, by = heapq.heappop(waiting)
        if record in before:
            continue
        before[record], came_by[record] = previous, by
        for other, edge in neighbours[record]:
            if other not in before:
                number += 1
                total = tuple(one + more for one, more in zip(cost, _cost(edge), strict=True))
                heapq.heappush(waiting, (total, number, other, record, edge))
    return _in_reading_order(founder, before, came_by)


def explain(
    tables: dict[str, pa.Table], customer_id: str, record: str | None, carried: Collection[tuple[str, str]]
) -> Explanation:
    """Return why the records of a person are one person, or why a record belongs to it.

    Args:
        tables: `person_map`, `edges`, `conflicts` and `review` as the stage stores them.
        customer_id: the person.
        record: only the chain of this record of the person, if given.
        carried: kind and hash of the identifiers that the records carry.
    """
    person_map = tables["person_map"]
    records = person_map.filter(pc.equal(person_map["customer_id"], customer_id))["record_id"].to_pylist()
    edges = edges_of(tables["edges"], records)
    steps = chains(founder_of(customer_id, records), edges)
    needed = {step.edge for step in steps}
    others = [edge for edge in edges if edge not in needed and record in (None, edge.record_a, edge.record_b)]
    return Explanation(
        customer_id=customer_id,
        record=record,
        records=len(records),
        steps=tuple(_chain_to(record, steps) if record else steps),
        further=dict(Counter(edge.kind for edge in others)),
        conflicts=tuple(_conflicts(tables["conflicts"], carried)),
        doubts=tuple(_doubts(tables["review"], customer_id)),
    )


def _cost(edge: Edge) -> tuple[float, ...]:
    counted = [float(edge.kind == kind) for kind in reversed(LINK_KINDS)]
    return (*counted, -math.log(edge.probability) if edge.probability else 0.0)


def _in_reading_order(founder: str, before: dict[str, str | None], came_by: dict[str, Edge | None]) -> list[Step]:
    behind: dict[str | None, list[str]] = defaultdict(list)
    for record, previous in before.items():
        behind[previous].append(record)
    steps, waiting = [], [(founder, 0)]
    while waiting:
        record, depth = waiting.pop()
        steps.append(Step(record, before[record], came_by[record], depth))
        waiting += [(other, depth + 1) for other in reversed(behind[record])]
    return steps


def _chain_to(record: str, steps: Collection[Step]) -> list[Step]:
    by_record = {step.record: step for step in steps}
    chain, at = [], by_record.get(record)
    while at:
        chain.append(at)
        at = by_record[at.before] if at.before else None
    return chain[::-1]


def _conflicts(conflicts: pa.Table, carried: Collection[tuple[str, str]]) -> list[str]:
    """Return the problems of values that the records carry; of several values a conflict names each hash."""
    return [
        row["problem"]
        for row in conflicts.to_pylist()
        if row["value_hash"] and any((row["kind"], value) in carried for value in row["value_hash"].split("+"))
    ]


def _doubts(review: pa.Table, customer_id: str) -> list[Doubt]:
    concerned = pc.or_(pc.equal(review["customer_id_a"], customer_id), pc.equal(review["customer_id_b"], customer_id))
    doubts = []
    for row in review.filter(concerned).to_pylist():
        ours, theirs = ("a", "b") if row["customer_id_a"] == customer_id else ("b", "a")
        doubts.append(
            Doubt(
                record=row[f"record_{ours}"],
                other_record=row[f"record_{theirs}"],
                other_customer_id=row[f"customer_id_{theirs}"],
                probability=row["probability"],
                reason=row["reason"],
            )
        )
    return doubts
