"""The tables of the stage: what was made anew, and beside it what is carried over from the run before."""

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from crm_pipeline.identity.people import EDGE_SCHEMA, PERSON_MAP_SCHEMA
from crm_pipeline.identity.review import REVIEW_SCHEMA
from crm_pipeline.identity.rules import CONFLICT_SCHEMA, LINK_KINDS

TABLES = ("person_map", "edges", "conflicts", "review", "merge_ledger")
_SCHEMAS = {"person_map": PERSON_MAP_SCHEMA, "edges": EDGE_SCHEMA, "review": REVIEW_SCHEMA}
_STRENGTH = "list_position($kinds::varchar[], kind)"
_ORDER = {
    "person_map": "record_id",
    "edges": f"record_a, record_b, {_STRENGTH}, value_hash",
    "review": "probability desc, record_a, record_b",
}


def join_carried(
    con: duckdb.DuckDBPyConnection, made: Mapping[str, pa.Table], carried: Mapping[str, pa.Table]
) -> dict[str, pa.Table]:
    """Return the tables of all records, each in an order that follows from its rows alone.

    Args:
        con: has the tables of `changes`, and what is remembered of the run before.
        made: the tables of the records that are looked at.
        carried: the tables of the run before, or none of them.
    """
    earlier = {name: carried.get(name, schema.empty_table()) for name, schema in _SCHEMAS.items()}
    con.register("earlier_people", earlier["person_map"])
    con.register("about", made["conflicts"])
    # The founder of a person is looked at where any of its records is.
    con.execute("""
        create temp table replaced as
        select record_id from earlier_people semi join dirty on dirty.record_key = customer_key
    """)
    con.execute("""
        create temp table listed as
        from known_conflicts anti join dirty using (record_key) union all by name from about
    """)
    tables = {name: _joined(con, name, earlier[name], made[name]) for name in _SCHEMAS}
    listed = con.sql(
        f"from listed order by {_STRENGTH}, records desc, value_hash, problem", params={"kinds": list(LINK_KINDS)}
    )
    tables["conflicts"] = listed.select(*CONFLICT_SCHEMA.names).to_arrow_table().cast(CONFLICT_SCHEMA)
    con.unregister("earlier_people")
    con.unregister("about")
    return tables


def _joined(con: duckdb.DuckDBPyConnection, name: str, earlier: pa.Table, made: pa.Table) -> pa.Table:
    con.register("earlier", earlier)
    con.register("made", made)
    record = _SCHEMAS[name].names[0]
    rows = con.sql(
        f"""
        from earlier anti join replaced on replaced.record_id = earlier.{record}
        union all by name from made
        order by {_ORDER[name]}
        """,
        params={"kinds": list(LINK_KINDS)} if "$kinds" in _ORDER[name] else None,
    ).to_arrow_table()
    con.unregister("earlier")
    con.unregister("made")
    return rows.cast(_SCHEMAS[name])
