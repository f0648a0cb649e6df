"""People from groups of records: durable ids, and the rule that ties each record to its person."""

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.identity.cluster import Links, Nodes
from crm_pipeline.identity.match_settings import ALONE, KINDS

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
    [("record_a", pa.string()), ("record_b", pa.string()), ("kind", pa.string()), ("value_hash", pa.string())]
)


def person_map(con: duckdb.DuckDBPyConnection, founders: Nodes, links: Links) -> pa.Table:
    """Return the person of each record, oldest record first.

    A person's id is made from its founding record, the first that was ever seen. It depends on nothing else, and is
    therefore the same after new data and after a rebuild from the files.
    """
    strongest = np.full(len(founders), len(KINDS), dtype=np.int64)
    np.minimum.at(strongest, links.a, links.priority)
    np.minimum.at(strongest, links.b, links.priority)
    con.register(
        "membership", pa.table({"node": np.arange(len(founders)), "founder": founders, "strongest": strongest})
    )
    people = con.sql(
        """
        select records.record_id, ('0x' || substr(md5(founder.record_id), 1, 15))::bigint as customer_key,
            'C' || substr(md5(founder.record_id), 1, 15) as customer_id, records.first_load,
            ($names::varchar[])[membership.strongest + 1] as linked_by
        from membership
        join records on records.node = membership.node
        join records as founder on founder.node = membership.founder
        order by records.node
        """,
        params={"names": [*KINDS, ALONE]},
    ).to_arrow_table()
    con.unregister("membership")
    return people.cast(PERSON_MAP_SCHEMA)


def edges(con: duckdb.DuckDBPyConnection, links: pa.Table) -> pa.Table:
    """Return the evidence: which two records are linked by which kind of identifier (values as hashes only)."""
    con.register("links", links)
    evidence = con.sql(
        """
        select first.record_id as record_a, other.record_id as record_b,
            ($names::varchar[])[links.priority + 1] as kind, links.value_hash
        from links
        join records as first on first.node = links.a
        join records as other on other.node = links.b
        order by links.priority, links.b, links.a, links.value_hash
        """,
        params={"names": list(KINDS)},
    ).to_arrow_table()
    con.unregister("links")
    return evidence.cast(EDGE_SCHEMA)
