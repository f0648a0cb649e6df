"""Taking a merge back: the entries of the override file that give the people of before their records again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.identity.cluster import connected
from crm_pipeline.identity.overrides import Overrides, with_link, with_unlink


class UnmergeError(ValueError):
    """There is no merge to take back; the message says why and what to do."""


@dataclass(frozen=True)
class Merge:
    """A merge into a person, as far as its records still stand there, in the order of their names.

    Attributes:
        customer_id: the person.
        as_of: as-of date of the run that merged.
        earlier: customer id before the merge -> its records.
        new: records that came with the merge and were no person's before.
    """

    customer_id: str
    as_of: date
    earlier: dict[str, tuple[str, ...]]
    new: tuple[str, ...]

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Return the groups of records that were apart."""
        return (*self.earlier.values(), *([self.new] if self.new else []))


def last_merge(ledger: pa.Table, person_map: pa.Table, customer_id: str) -> Merge:
    """Return the last merge into a person that has not been undone since.

    Raises:
        UnmergeError: if there is none.
    """
    standing = _records_of(person_map, customer_id)
    if not standing:
        raise UnmergeError(_gone(ledger, customer_id))
    for rows in reversed(_merges_into(ledger, customer_id)):
        merge = _still_standing(rows, customer_id, standing)
        if set(merge.earlier) - {customer_id} and len(merge.groups()) > 1:
            return merge
    raise UnmergeError(
        f"No merge into {customer_id} is left to undo. To part records of one person: crm identity unlink."
    )


def take_back(overrides: Overrides, merge: Merge, edges: pa.Table, note: str) -> Overrides:
    """Return the overrides with what takes the merge back.

    The groups that were apart are kept apart; records that came later are in no group and go where their links lead.
    Where the links that held a group together run through another group by now (a value ties each record to the oldest
    that carries it, which may be one of the other group's), a link by hand takes their place.

    Raises:
        UnmergeError: if the overrides hold this already.
        OverrideError: if they hold the contrary.
    """
    groups = merge.groups()
    if any(_same_groups(unlink.groups, groups) for unlink in overrides.unlink):
        raise UnmergeError(f"That {merge.customer_id} is divided stands in the override file; the next run obeys it.")
    changed = with_unlink(overrides, groups, note)
    for records in merge.earlier.values():
        pieces = _pieces(records, edges)
        if len(pieces) > 1:
            changed = with_link(changed, pieces, note)
    return changed


def _records_of(person_map: pa.Table, customer_id: str) -> list[str]:
    return list(person_map.filter(pc.equal(person_map["customer_id"], customer_id))["record_id"].to_pylist())


def _gone(ledger: pa.Table, customer_id: str) -> str:
    moved = ledger.filter(pc.equal(ledger["from_customer_id"], customer_id)) if len(ledger) else ledger
    if len(moved):
        into = moved["to_customer_id"][-1].as_py()
        return f"{customer_id} was merged into {into}. To undo that: crm identity unmerge {into}."
    return f"There is no person {customer_id}. Look for the id of a record with: crm identity explain RECORD_ID."


def _merges_into(ledger: pa.Table, customer_id: str) -> list[list[dict[str, Any]]]:
    """Return the rows of each merge into a person, oldest merge first.

    A run writes a record down once, and those that stayed first: with a record's second row, or another day, another
    merge begins.
    """
    merges: list[list[dict[str, Any]]] = []
    seen: set[str] = set()
    day = None
    of_a_merge = pc.and_(
        pc.equal(ledger["to_customer_id"], customer_id), pc.is_in(ledger["kind"], pa.array(["merge", "stayed", "new"]))
    )
    for row in ledger.filter(of_a_merge).to_pylist():
        if row["as_of_date"] != day or row["record_id"] in seen:
            merges.append([])
            day, seen = row["as_of_date"], set()
        merges[-1].append(row)
        seen.add(row["record_id"])
    return merges


def _still_standing(rows: Sequence[dict[str, Any]], customer_id: str, standing: Sequence[str]) -> Merge:
    came_from = {row["record_id"]: row["from_customer_id"] for row in rows}
    earlier: dict[str, list[str]] = {}
    for record in standing:
        if came_from.get(record):
            earlier.setdefault(came_from[record], []).append(record)
    return Merge(
        customer_id=customer_id,
        as_of=rows[0]["as_of_date"],
        earlier={person: tuple(records) for person, records in sorted(earlier.items())},
        new=tuple(record for record in standing if record in came_from and came_from[record] is None),
    )


def _same_groups(one: Collection[Collection[str]], other: Collection[Collection[str]]) -> bool:
    return {frozenset(group) for group in one} == {frozenset(group) for group in other}


def _pieces(records: Sequence[str], edges: pa.Table) -> list[str]:
    """Return a record of each part of a group that its own links hold together."""
    number = {record: position for position, record in enumerate(records)}
    group = pa.array(records, pa.string())
    inside = edges.filter(pc.and_(pc.is_in(edges["record_a"], group), pc.is_in(edges["record_b"], group)))
    a, b = (
        np.array([number[record] for record in inside[name].to_pylist()], dtype=np.int64)
        for name in ("record_a", "record_b")
    )
    return [records[position] for position in np.unique(connected(len(records), a, b)).tolist()]
