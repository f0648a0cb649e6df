"""People from groups of records: durable ids, and the link that ties each record to its person."""

from collections.abc import Iterable
from hashlib import md5

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.identity.cluster import Links
from crm_pipeline.identity.numbers import Nodes
from crm_pipeline.identity.probability import to_probability
from crm_pipeline.identity.rules import LINK_KINDS

ALONE = "alone"
PERSON_MAP_SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("customer_key", pa.int64()),
        ("customer_id", pa.string()),
        ("first_load", pa.int64()),
        ("linked_by", pa.string()),
    ]
)
EDGE_SCHEMA = pa.schema(
    [
        ("record_a", pa.string()),
        ("record_b", pa.string()),
        ("kind", pa.string()),
        ("value_hash", pa.string()),
        ("probability", pa.float64()),
    ]
)


def customer_id(key: str) -> str:
    """Return the SQL of a person's id, given that of their key: the same number, written as text."""
    return f"format('C{{:015x}}', {key})"


def founder_of(person: str, records: Iterable[str]) -> str:
    """Return the record of a person that their id is made from."""
    ids = {record: f"C{md5(record.encode(), usedforsecurity=False).hexdigest()[:15]}" for record in records}
    return next(record for record, made_of_it in ids.items() if made_of_it == person)


def person_map(con: duckdb.DuckDBPyConnection, founders: Nodes, links: Links) -> pa.Table:
    """Return the person of each record, in no order.

    A person's id is made from its founding record. It depends on nothing else, and is therefore the same after new
    data and after a rebuild.
    """
    strongest = np.full(len(founders), len(LINK_KINDS), dtype=np.int64)
    np.minimum.at(strongest, links.a, links.priority)
    np.minimum.at(strongest, links.b, links.priority)
    con.register(
        "membership", pa.table({"node": np.arange(len(founders)), "founder": founders, "strongest": strongest})
    )
    people = con.sql(
        f"""
        select records.record_id, founder.record_key as customer_key,
            {customer_id("founder.record_key")} as customer_id, records.first_load,
            ($names::varchar[])[membership.strongest + 1] as linked_by
        from membership
        join records on records.node = membership.node
        join records as founder on founder.node = membership.founder
        """,
        params={"names": [*LINK_KINDS, ALONE]},
    ).to_arrow_table()
    con.unregister("membership")
    return people.cast(PERSON_MAP_SCHEMA)


def edges(con: duckdb.DuckDBPyConnection, links: Links, values: Nodes) -> pa.Table:
    """Return the evidence in no order: which two records are linked by what; of a shared value its hash only.

    Args:
        con: has the tables of the rules.
        links: the links.
        values: for each link the number of the shared value, -1 for a link without one.
    """
    probability = [
        to_probability(weight) if LINK_KINDS[priority] == "probability" else None
        for priority, weight in zip(links.priority.tolist(), links.weight.tolist(), strict=True)
    ]
    con.register(
        "links",
        pa.table(
            {
                "a": links.a,
                "b": links.b,
                "priority": links.priority,
                "number": values,
                "probability": pa.array(probability, pa.float64()),
            }
        ),
    )
    evidence = con.sql(
        """
        select first.record_id as record_a, other.record_id as record_b,
            ($names::varchar[])[links.priority + 1] as kind, md5(shared.value) as value_hash, links.probability
        from links
        join records as first on first.node = links.a
        join records as other on other.node = links.b
        left join shared using (number)
        """,
        params={"names": list(LINK_KINDS)},
    ).to_arrow_table()
    con.unregister("links")
    return evidence.cast(EDGE_SCHEMA)
