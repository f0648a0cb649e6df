"""From identifiers to people: the order of the steps, and the figures that describe the result."""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.identity import cluster, merges, people, rules
from crm_pipeline.identity.cluster import Contradiction, Links, UniqueValues
from crm_pipeline.identity.match_settings import KINDS, MatchSettings
from crm_pipeline.identity.normalise import load_identifiers


@dataclass(frozen=True)
class Figures:
    """What the resolution came to.

    Attributes:
        records: Source records.
        people: People they belong to.
        linked_share: Share of the records whose person has more than one record (0 without records).
        largest_person: Records of the person with the most.
        conflicts: Rows in the conflicts table.
        person_sizes: How many people have one record, two records, and so on.
    """

    records: int
    people: int
    linked_share: float
    largest_person: int
    conflicts: int
    person_sizes: dict[int, int]


@dataclass(frozen=True)
class Resolution:
    """The outputs of the stage as Arrow tables, and their figures."""

    person_map: pa.Table
    edges: pa.Table
    conflicts: pa.Table
    merge_ledger: pa.Table
    figures: Figures

    def tables(self) -> dict[str, pa.Table]:
        """Return the output tables by name."""
        return {
            "person_map": self.person_map,
            "edges": self.edges,
            "conflicts": self.conflicts,
            "merge_ledger": self.merge_ledger,
        }


def resolve(
    con: duckdb.DuckDBPyConnection,
    settings: MatchSettings,
    previous_map: pa.Table | None,
    previous_ledger: pa.Table | None,
    as_of: date,
) -> Resolution:
    """Resolve the records of `staging.stg_identifiers` into people.

    Args:
        con: A connection to the warehouse; read-only is enough. Only temporary tables are made, and none stays.
        settings: The limits of the rules.
        previous_map: The person map of the run before, if there was one.
        previous_ledger: The merge ledger so far, if there is one.
        as_of: The date that the identifiers are as of.

    Returns:
        The person map, the evidence, the conflicts, the merge ledger with this run's moves, and the figures.
    """
    with con.cursor() as work:
        load_identifiers(work, settings)
        found = rules.find_links(work, settings)
        unique = rules.find_unique_values(work, settings)
        nodes = work.execute("select count(*) from records").fetchall()[0][0]
        founders, contradictions = cluster.separate(
            cluster.group(nodes, _links(found)),
            _links(found),
            UniqueValues(_column(unique, "node"), _column(unique, "priority"), _column(unique, "value_number")),
        )
        # A link whose two ends were separated is no evidence for a person.
        kept = found.filter(pa.array(founders[_column(found, "a")] == founders[_column(found, "b")]))
        person_map = people.person_map(work, founders, _links(kept))
        evidence = people.edges(work, kept)
        conflicts = pa.concat_tables([rules.find_refused(work), _contradictions_table(contradictions, unique)])
    return Resolution(
        person_map=person_map,
        edges=evidence,
        conflicts=conflicts,
        merge_ledger=merges.append_moves(previous_ledger, previous_map, person_map, as_of),
        figures=_figures(founders, len(conflicts)),
    )


def _column(table: pa.Table, name: str) -> cluster.Nodes:
    return table[name].to_numpy().astype(np.int64, copy=False)


def _links(table: pa.Table) -> Links:
    return Links(_column(table, "a"), _column(table, "b"), _column(table, "priority"))


def _contradictions_table(contradictions: list[Contradiction], unique: pa.Table) -> pa.Table:
    """List the contradictions; the hash covers all values of the group."""
    numbers = {value for contradiction in contradictions for value in contradiction.values}
    mask = np.isin(_column(unique, "value_number"), np.array(sorted(numbers), dtype=np.int64))
    hashes = {row["value_number"]: row["value_hash"] for row in unique.filter(pa.array(mask)).to_pylist()}
    return pa.Table.from_pylist(
        [
            {
                "kind": KINDS[contradiction.kind],
                "value_hash": "+".join(sorted(hashes[value] for value in contradiction.values)),
                "records": contradiction.records,
                "problem": _contradiction_problem(contradiction),
            }
            for contradiction in contradictions
        ],
        schema=rules.CONFLICT_SCHEMA,
    )


def _contradiction_problem(contradiction: Contradiction) -> str:
    kind = KINDS[contradiction.kind].replace("_", " ")
    found = f"{contradiction.records} linked records hold {len(contradiction.values)} different values of {kind}"
    if contradiction.people == 1:
        return (
            f"{found}, of which a person has one. A single record holds several of them, so that no link could be cut: "
            f"correct the {kind} in the source if they are different people."
        )
    return (
        f"{found}, of which a person has one: the weakest links were cut, leaving {contradiction.people} people. "
        f"Correct the {kind} in the source if they are one person."
    )


def _figures(founders: cluster.Nodes, conflicts: int) -> Figures:
    sizes = np.unique(founders, return_counts=True)[1]
    size, count = np.unique(sizes, return_counts=True)
    records = len(founders)
    return Figures(
        records=records,
        people=len(sizes),
        linked_share=float(sizes[sizes > 1].sum() / records) if records else 0.0,
        largest_person=int(sizes.max()) if records else 0,
        conflicts=conflicts,
        person_sizes={int(s): int(c) for s, c in zip(size, count, strict=True)},
    )
