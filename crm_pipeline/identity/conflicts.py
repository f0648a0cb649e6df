"""The conflicts table: what linked nothing, was cut or was held back, each with a sentence and a remedy."""

from collections.abc import Iterable

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.identity.cluster import Bridge, Contradiction, HeldBack
from crm_pipeline.identity.numbers import Nodes
from crm_pipeline.identity.rules import ABOUT_SCHEMA, LINK_KINDS


def contradictions_table(contradictions: Iterable[Contradiction], unique: pa.Table, keys: Nodes) -> pa.Table:
    """List values of which a person has one; the hash covers all values of the group."""
    # What is kept apart by hand is as somebody wanted it.
    listed = [contradiction for contradiction in contradictions if contradiction.kind < len(LINK_KINDS) - 1]
    numbers = {value for contradiction in listed for value in contradiction.values}
    mask = np.isin(unique["value_number"].to_numpy(), np.array(sorted(numbers), dtype=np.int64))
    hashes = {row["value_number"]: row["value_hash"] for row in unique.filter(pa.array(mask)).to_pylist()}
    return _table(
        {
            "record_key": int(keys[contradiction.founder]),
            "kind": LINK_KINDS[contradiction.kind],
            "value_hash": "+".join(sorted(hashes[value] for value in contradiction.values)),
            "records": contradiction.records,
            "problem": _contradiction_problem(contradiction),
        }
        for contradiction in listed
    )


def bridges_table(bridges: Iterable[Bridge], keys: Nodes) -> pa.Table:
    """List the groups that a weak link held together although their parts are strangers."""
    return _table(
        {
            "record_key": int(keys[bridge.founder]),
            "kind": "probability",
            "value_hash": None,
            "records": bridge.records,
            "problem": (
                f"{bridge.records} records hang together by a chain of links whose ends have too little in common to "
                f"be one person: its weakest links were cut, leaving {bridge.people} people. Look in identity.review, "
                "and link records by hand if they are one person."
            ),
        }
        for bridge in bridges
    )


def held_back_table(held: Iterable[HeldBack], keys: Nodes) -> pa.Table:
    """List the groups that were too large for one person."""
    return _table(
        {
            "record_key": int(keys[group.founder]),
            "kind": LINK_KINDS[group.priority],
            "value_hash": None,
            "records": group.records,
            "problem": (
                f"{group.records} records were linked into one person, or with more values of a kind than a person has:"
                f" their {group.links} links by {LINK_KINDS[group.priority].replace('_', ' ')} are held back. Look in "
                "identity.review and identity.edges, block the value that ties them together or link them by hand."
            ),
        }
        for group in held
    )


def unknown_records_table(records: Iterable[str]) -> pa.Table:
    """List the records that the override file names and nobody delivers."""
    return _table(
        {
            "record_key": None,
            "kind": "override",
            "value_hash": None,
            "records": 0,
            "problem": f"The override file names the record '{record}', which is not there. Correct the name.",
        }
        for record in records
    )


def nobodys_ids_table(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """List the customer ids on orders that stand for nobody: the orders go by what else was given with them."""
    tables = con.execute(
        "select 1 from duckdb_tables() where schema_name = 'staging' and table_name = 'stg_order_headers'"
    ).fetchall()
    if not tables:
        return _table([])
    rows = con.execute("""
        select system, md5(system || '|' || customer_id), count(*) from staging.stg_order_headers
        where customer_id is not null and coalesce(record_id not like system || '|customer|%', true)
        group by system, customer_id order by all
    """).fetchall()
    return _table(
        {
            "record_key": None,
            "kind": "source_id",
            "value_hash": value_hash,
            "records": orders,
            "problem": f"A customer id of {system} stands for nobody (a placeholder, or many people's): its {orders} "
            "orders go by the loyalty card, e-mail or phone given with them. Leave the id empty in the source.",
        }
        for system, value_hash, orders in rows
    )


def _table(rows: Iterable[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=ABOUT_SCHEMA)


def _contradiction_problem(contradiction: Contradiction) -> str:
    kind = LINK_KINDS[contradiction.kind].replace("_", " ")
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
