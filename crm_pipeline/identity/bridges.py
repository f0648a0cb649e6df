"""Weak bridges: records that a chain of links joins although its ends are strangers.

A guest who gave one neighbour's telephone and the other's e-mail address ties both together; so does a record that
holds too little to tell two brothers apart. Each link is well founded, and only the ends tell that they cannot be one.
"""

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.identity import probability
from crm_pipeline.identity.cluster import Doubts, Links
from crm_pipeline.identity.contradictions import CONTRADICTION, HOUSEHOLD_KINDS
from crm_pipeline.identity.numbers import Nodes
from crm_pipeline.identity.probability import Model
from crm_pipeline.identity.rules import LINK_KINDS

_WEAK_FROM = min(LINK_KINDS.index(kind) for kind in HOUSEHOLD_KINDS)
# The weight of a link where there is no model, and the most that names and birthdays leave that contradict each other.
_LINKED, _CONTRADICTING = 1.0, -1.0


def find_doubts(
    con: duckdb.DuckDBPyConnection, model: Model | None, founders: Nodes, links: Links, accept: float
) -> Doubts:
    """Return all pairs of the groups in which two records that no link joins directly are rather strangers.

    A pair that a link joins counts at least as the least probable link by the model: it is there for a reason. Names
    and birthdays that contradict each other speak against one person, whatever a household has in common.

    Args:
        con: has the tables `profiles` and `records`.
        model: weighs the pairs; without one only links and contradictions count.
        founders: the group of each record.
        links: the links.
        accept: probability from which on records are linked.
    """
    con.register("membership", pa.table({"node": np.arange(len(founders)), "founder": founders}))
    con.register("joined", pa.table({"a": np.minimum(links.a, links.b), "b": np.maximum(links.a, links.b)}))
    con.execute("""
        create temp table together_by_links as
        with named as (
            select profiles.record_key, node, founder
            from profiles join records using (record_key) join membership using (node)
        ), linked as (select distinct a, b, true as is_linked from joined)
        select l.founder, l.record_key as a, r.record_key as b, l.node as node_a, r.node as node_b,
            coalesce(is_linked, false) as is_linked
        from named as l join named as r on l.founder = r.founder and l.record_key < r.record_key
        left join linked on linked.a = least(l.node, r.node) and linked.b = greatest(l.node, r.node)
        qualify not bool_and(coalesce(is_linked, false)) over (partition by l.founder)
    """)
    con.unregister("membership")
    con.unregister("joined")
    con.register("weighed", _weighed(con, model))
    rows = con.execute(
        f"""
        with weights as (
            select founder, node_a, node_b, is_linked,
                case when is_linked then greatest(weight, $least)
                    when {CONTRADICTION} then least(weight, {_CONTRADICTING}) else weight end as weight
            from together_by_links join weighed using (a, b)
            join profiles as l on l.record_key = a join profiles as r on r.record_key = b
        )
        select node_a, node_b, weight from weights
        qualify bool_or(not is_linked and weight < 0) over (partition by founder)
        order by node_a, node_b
        """,
        {"least": probability.to_weight(accept) if model else _LINKED},
    ).fetchnumpy()
    con.unregister("weighed")
    con.execute("drop table together_by_links")
    a, b = (np.asarray(rows[name]).astype(np.int64) for name in ("node_a", "node_b"))
    return Doubts(a, b, np.asarray(rows["weight"]).astype(np.float64), model.prior if model else 0.0, _WEAK_FROM)


def _weighed(con: duckdb.DuckDBPyConnection, model: Model | None) -> pa.Table:
    """Return a, b and weight of the pairs of `together_by_links`."""
    if model:
        return probability.weights(con, model, "from together_by_links")
    return con.sql("select a, b, 0.0 as weight from together_by_links").to_arrow_table()
