"""Pairs of records by probability: those that are linked, and those that somebody should look at."""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.identity.cluster import Links
from crm_pipeline.identity.numbers import Nodes
from crm_pipeline.identity.people import customer_id
from crm_pipeline.identity.probability import to_weight
from crm_pipeline.identity.rules import LINK_KINDS

REVIEW_SCHEMA = pa.schema(
    [
        ("record_a", pa.string()),
        ("record_b", pa.string()),
        ("customer_id_a", pa.string()),
        ("customer_id_b", pa.string()),
        ("probability", pa.float64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Stake:
    """A pair for review; `value` is what hangs on it: the revenue of the one of the two people who bought less."""

    record_a: str
    record_b: str
    customer_id_a: str
    customer_id_b: str
    probability: float
    reason: str
    value: float


def probable_links(con: duckdb.DuckDBPyConnection, accept: float) -> Links:
    """Return the links between records whose probability is at least `accept` and whose names do not contradict."""
    rows = con.execute(
        "select a, b, weight from scored where weight >= ? and not is_contradicting", [to_weight(accept)]
    ).fetchnumpy()
    a, b, weight = (np.asarray(rows[name]) for name in ("a", "b", "weight"))
    probability = np.full(len(a), LINK_KINDS.index("probability"))
    return Links(a.astype(np.int64), b.astype(np.int64), probability, weight.astype(np.float64))


def review(con: duckdb.DuckDBPyConnection, founders: Nodes, accept: float) -> pa.Table:
    """Return the scored pairs that stayed two people, the most probable one of each two people, and why; in no order.

    Args:
        con: has the table `scored`, which holds the pairs from the review threshold on.
        founders: the founding record of each record's person.
        accept: probability from which on records are linked.
    """
    con.register("membership", pa.table({"node": np.arange(len(founders)), "founder": founders}))
    rows = con.sql(
        f"""
        with apart as (
            select scored.*, l.founder as one, r.founder as other
            from scored join membership as l on l.node = scored.a join membership as r on r.node = scored.b
            where l.founder <> r.founder
            qualify row_number() over (
                partition by least(one, other), greatest(one, other) order by weight desc, scored.a, scored.b
            ) = 1
        )
        select record_a.record_id as record_a, record_b.record_id as record_b,
            {customer_id("one.record_key")} as customer_id_a, {customer_id("other.record_key")} as customer_id_b,
            1 / (1 + pow(2, -weight)) as probability,
            case when is_contradicting then 'The names contradict each other.'
                when weight >= $accept then 'Held back, or kept apart by other evidence.'
                else 'Between the thresholds.' end as reason
        from apart
        join records as record_a on record_a.node = apart.a
        join records as record_b on record_b.node = apart.b
        join records as one on one.node = apart.one
        join records as other on other.node = apart.other
        """,
        params={"accept": to_weight(accept)},
    ).to_arrow_table()
    con.unregister("membership")
    return rows.cast(REVIEW_SCHEMA)


def by_value(review: pa.Table, revenue: dict[str, float]) -> list[Stake]:
    """Return the pairs with what is at stake, the most valuable first, then the most probable.

    Args:
        review: the pairs.
        revenue: customer id -> revenue, of those who have bought.
    """
    stakes = [
        Stake(**row, value=min(revenue.get(row["customer_id_a"], 0.0), revenue.get(row["customer_id_b"], 0.0)))
        for row in review.to_pylist()
    ]
    return sorted(stakes, key=lambda stake: (-stake.value, -stake.probability, stake.record_a, stake.record_b))
