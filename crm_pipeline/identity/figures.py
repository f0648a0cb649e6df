"""What a resolution came to, in figures."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Figures:
    """What the resolution came to.

    Attributes:
        records: Source records.
        people: People they belong to.
        linked_share: Share of the records whose person has more than one record (0 without records).
        largest_person: Records of the person with the most.
        conflicts: Rows in the conflicts table.
        review: Pairs in the review table.
        linked_by: How many records are tied to their person by which kind of link at best.
        person_sizes: How many people have one record, two records, and so on.
    """

    records: int
    people: int
    linked_share: float
    largest_person: int
    conflicts: int
    review: int = 0
    linked_by: dict[str, int] = field(default_factory=dict)
    person_sizes: dict[int, int] = field(default_factory=dict)


def describe(person_map: pa.Table, conflicts: int, review: int) -> Figures:
    """Return the figures of a person map."""
    sizes = pc.value_counts(person_map["customer_key"]).field("counts").to_numpy(zero_copy_only=False)
    size, people = np.unique(sizes, return_counts=True)
    kinds = pc.value_counts(person_map["linked_by"]).to_pylist()
    return Figures(
        records=len(person_map),
        people=len(sizes),
        linked_share=float(sizes[sizes > 1].sum() / len(person_map)) if len(person_map) else 0.0,
        largest_person=int(sizes.max(initial=0)),
        conflicts=conflicts,
        review=review,
        linked_by={kind["values"]: kind["counts"] for kind in sorted(kinds, key=lambda kind: -kind["counts"])},
        person_sizes={int(s): int(p) for s, p in zip(size, people, strict=True)},
    )
