"""How right a person map is, against a truth: pairwise precision, recall and F1."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.identity.cluster import connected


@dataclass(frozen=True)
class Accuracy:
    """Pairwise accuracy over the records that both the person map and the truth know.

    Attributes:
        records: Records compared.
        records_missing: Records of the truth that the person map does not have; their pairs are not counted.
        claimed_pairs: Pairs that the person map puts into one person.
        true_pairs: Pairs that belong to one person.
        correct_pairs: Pairs that are both.
    """

    records: int
    records_missing: int
    claimed_pairs: int
    true_pairs: int
    correct_pairs: int

    @property
    def precision(self) -> float:
        """Share of the claimed pairs that are true; 1 where none is claimed."""
        return self.correct_pairs / self.claimed_pairs if self.claimed_pairs else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that are claimed; 1 where there is none."""
        return self.correct_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, from the pair counts; 1 where no pair is claimed or true."""
        pairs = self.claimed_pairs + self.true_pairs
        return 2 * self.correct_pairs / pairs if pairs else 1.0


def pairwise_accuracy(person_map: pa.Table, truth: pa.Table) -> Accuracy:
    """Compare a person map with the truth.

    Pairs are counted from the sizes of the groups and of their overlaps, so that a person with a thousand records costs
    no more than one with two.

    Args:
        person_map: Has `record_id` and `customer_id`.
        truth: Has `record_id` and `person`, one row per record.

    Raises:
        ValueError: if a record stands twice in either table.
    """
    with duckdb.connect() as con:
        con.register("claimed", person_map.select(["record_id", "customer_id"]))
        con.register("truth", truth.select(["record_id", "person"]))
        for table in ("claimed", "truth"):
            rows, distinct = con.execute(f"select count(*), count(distinct record_id) from {table}").fetchall()[0]
            if rows != distinct:
                raise ValueError(f"{rows - distinct} rows of the {table} table repeat a record_id; each record once.")
        con.execute("create temp table both_known as from claimed join truth using (record_id)")
        counts = con.execute(f"""
            select (select count(*) from both_known),
                (select count(*) from truth anti join claimed using (record_id)),
                {_pairs("customer_id")}, {_pairs("person")}, {_pairs("customer_id, person")}
        """).fetchall()[0]
    return Accuracy(*(int(count) for count in counts))


def _pairs(columns: str) -> str:
    return f"(select coalesce(sum(n * (n - 1) // 2), 0) from (select count(*) as n from both_known group by {columns}))"


def alone(person_map: pa.Table, edges: pa.Table) -> dict[str, pa.Table]:
    """Return the people that the rules and the probabilities would make of the records by themselves.

    Each has `record_id` and `customer_id`: here the number of one of the person's records.
    """
    a, b = (pc.index_in(edges[end], person_map["record_id"]).to_numpy() for end in ("record_a", "record_b"))
    probable = pc.equal(edges["kind"], "probability").to_numpy()
    maps = {}
    for name, chosen in (("rules", ~probable), ("probability", probable)):
        founders = connected(len(person_map), a[chosen], b[chosen])
        maps[name] = pa.table({"record_id": person_map["record_id"], "customer_id": founders})
    return maps
